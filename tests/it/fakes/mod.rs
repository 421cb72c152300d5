//! The other sides of the bridge, faked as strictly as the real ones are.

pub(crate) mod apertur;
pub(crate) mod desk;
pub(crate) mod dropbox;
pub(crate) mod freshworks;
pub(crate) mod google_drive;
pub(crate) mod oauth;
pub(crate) mod odoo;
pub(crate) mod onedrive;
pub(crate) mod zendesk;

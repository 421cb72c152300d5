//! Freshdesk and Freshservice as configured.

use super::load_text;
use crate::destinations::{
    Settings,
    freshworks::{self, Login, Product},
    oauth::{self, Endpoints},
};

#[test]
fn defaults_of_help_desks_are_those_of_their_room() {
    let config = load_text(
        "[destination.desk]\ntype = 'freshdesk'\n\
         domain = 'https://Acme.freshdesk.com/a/tickets/1'\n\
         api_key = 'k'\n[destination.it]\ntype = 'freshservice'\nbase_url = 'http://10.0.0.9/it'\n\
         client_id = 'fw_ext_1'\nclient_secret = 'c'\norg_domain = 'acme-group'",
        &[],
    );
    let [(_, Settings::Freshworks(desk)), (_, Settings::Freshworks(it))] = &config.destinations[..]
    else {
        panic!("{:?}", config.destinations)
    };
    for (settings, product) in [(desk, Product::Freshdesk), (it, Product::Freshservice)] {
        assert_eq!(settings.product, product);
        assert_eq!(settings.max_attachment, product.default_max_attachment());
        assert_eq!(settings.default_mode, freshworks::DEFAULT_MODE);
        assert_eq!(settings.writes_per_minute, freshworks::DEFAULT_WRITES_PER_MINUTE);
        assert_eq!(settings.timeout, freshworks::DEFAULT_TIMEOUT);
        assert_eq!(settings.concurrency, freshworks::DEFAULT_CONCURRENCY);
        let chosen = (settings.message.clone(), settings.requester_refused);
        assert_eq!(chosen, <_>::default());
        assert_eq!(settings.base_url.host(), settings.agent_url.host());
    }
    assert_eq!(desk.base_url.as_str(), "https://acme.freshdesk.com/");
    let Login::OAuth(client) = &it.login else { panic!("{:?}", it.login) };
    assert_eq!(client.scopes, freshworks::DEFAULT_SCOPES);
    assert_eq!(client.redirect.as_str(), oauth::DEFAULT_REDIRECT);
    let Endpoints::Discovered { at, otherwise } = &client.endpoints else { panic!("{client:?}") };
    assert_eq!(at.as_str(), "http://10.0.0.9/it/.well-known/oauth-authorization-server");
    assert_eq!(otherwise.token.as_str(), "https://acme-group.myfreshworks.com/org/oauth/v2/token");
}

//! The integration tests, one binary.

mod apertur;
mod commands;
mod crash;
mod daemon;
mod destination_contract;
mod door;
mod drives;
mod fakes;
mod files;
mod follow;
mod freshworks;
mod house;
mod journal_contract;
mod look;
mod memory;
mod oauth;
mod odoo;
mod parcel;
mod readme;
mod sending;
mod servers;
mod storage_contract;
mod trials;
mod webhook;
mod whole_way;
mod zendesk;

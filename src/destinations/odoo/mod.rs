//! Odoo. Placeholder.
use super::*;
/// settings
#[derive(Debug, Clone)]
pub struct Settings {}
/// odoo
#[derive(Debug)]
pub struct Odoo;
impl Odoo {
    pub fn new(_n: DestinationName, _s: Settings, _h: Http) -> Self {
        Self
    }
}
#[async_trait]
impl Destination for Odoo {
    fn kind(&self) -> Kind {
        Kind::Odoo
    }
    fn place(&self) -> String {
        String::new()
    }
    fn limits(&self) -> Limits {
        Limits { max_size: 0, concurrency: 1, one_per_target: true, photos_per_parcel: 1 }
    }
    async fn probe(&self) -> Vec<Finding> {
        vec![]
    }
    async fn test(&self, _t: Option<&crate::model::Target>) -> Vec<Finding> {
        vec![]
    }
    async fn find(&self, _d: &Delivery) -> Result<Option<Receipt>, Failure> {
        Ok(None)
    }
    async fn deliver(&self, _p: &Parcel, _g: &Progress) -> Result<Vec<Receipt>, Failure> {
        Ok(vec![])
    }
}

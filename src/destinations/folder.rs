//! Folder. Placeholder.
use super::*;
/// settings
#[derive(Debug, Clone)]
pub struct Settings {}
/// folder
#[derive(Debug)]
pub struct Folder;
impl Folder {
    pub fn new(_s: Settings) -> Self {
        Self
    }
}
#[async_trait]
impl Destination for Folder {
    fn kind(&self) -> Kind {
        Kind::Folder
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

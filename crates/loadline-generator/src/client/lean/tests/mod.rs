mod answers;
mod servers;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use super::LeanClient;
use crate::client::http::HttpSettings;
use crate::exchange::Request;

fn request(url: &str) -> Request {
    Request {
        method: Method::GET,
        uri: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Default::default(),
        timeout: Duration::from_secs(5),
        keep_body: true,
        keep_headers: true,
    }
}

fn get(url: &str) -> Arc<Request> {
    Arc::new(request(url))
}

fn client() -> LeanClient {
    LeanClient::new(&HttpSettings::default()).unwrap()
}

//! The choice between the lean client and reqwest, for each request.

use std::cell::OnceCell;
use std::sync::Arc;

use http::uri::Scheme;

use super::http::{ClientError, ClientKind, HttpClient, HttpSettings, Reuse};
use super::lean::LeanClient;
use super::{Client, Connections};
use crate::exchange::{ErrorClass, Request, Response};

/// The lean client where it can do what is asked, reqwest elsewhere.
pub struct AnyClient {
    settings: HttpSettings,
    lean: Option<LeanClient>,
    /// Made when first needed, unless all requests are its own: that takes a while.
    reqwest: OnceCell<HttpClient>,
    /// Whether `https` is the lean client's, too.
    lean_tls: bool,
}

impl AnyClient {
    /// The client that `settings` ask for, ready for TLS where requests will be `secure`: that takes a while. Has to be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When it cannot be set up as asked.
    pub fn new(settings: &HttpSettings, secure: bool) -> Result<Self, ClientError> {
        let suits = |tls| LeanClient::suits(settings, tls);
        let (lean, lean_tls) = match settings.client {
            ClientKind::Auto => (suits(false), suits(true)),
            ClientKind::Reqwest => (false, false),
            // Where both versions would do, the lean client's it is.
            ClientKind::Lean if suits(false) => (true, true),
            ClientKind::Lean => return Err(ClientError::NotLean),
        };
        if !(lean && (lean_tls || !secure))
            && (settings.reuse == Reuse::Visitor || settings.connect_ahead > 0)
        {
            return Err(ClientError::NeedsLean);
        }
        let reqwest = OnceCell::new();
        if !lean || (secure && !lean_tls) {
            let _ = reqwest.set(HttpClient::new(settings)?);
        }
        let lean = if lean { Some(LeanClient::new(settings)?) } else { None };
        if let Some(lean) = lean.as_ref().filter(|_| secure && lean_tls) {
            lean.prepare_tls()?;
        }
        Ok(AnyClient { settings: settings.clone(), lean, reqwest, lean_tls })
    }

    /// Opens `count` connections to `target`; those that fail will be seen failing when a request needs them.
    pub async fn connect_ahead(&self, target: &str, count: u32) {
        if let Some(lean) = &self.lean {
            lean.connect_ahead(target, count).await;
        }
    }

    fn lean_for(&self, request: &Request) -> Option<&LeanClient> {
        self.lean.as_ref().filter(|_| self.lean_tls || request.uri.scheme() != Some(&Scheme::HTTPS))
    }

    fn reqwest(&self) -> Result<&HttpClient, ErrorClass> {
        if let Some(client) = self.reqwest.get() {
            return Ok(client);
        }
        // The settings were tried when the lean client was made.
        let client = HttpClient::new(&self.settings).map_err(|_| ErrorClass::Tls)?;
        Ok(self.reqwest.get_or_init(|| client))
    }
}

impl Client for AnyClient {
    async fn send(&self, request: Arc<Request>) -> Result<Response, ErrorClass> {
        self.send_for(0, request).await
    }

    async fn send_for(&self, visitor: u32, request: Arc<Request>) -> Result<Response, ErrorClass> {
        match self.lean_for(&request) {
            Some(lean) => lean.send_for(visitor, request).await,
            // Its future is large, and would make that of every flow as large.
            None => Box::pin(self.reqwest()?.send(request)).await,
        }
    }

    fn leave(&self, visitor: u32) {
        if let Some(lean) = &self.lean {
            lean.leave(visitor);
        }
    }

    fn take_connections(&self) -> Connections {
        let mut all = self.lean.as_ref().map(Client::take_connections).unwrap_or_default();
        if let Some(reqwest) = self.reqwest.get() {
            all.add(&reqwest.take_connections());
        }
        all
    }
}

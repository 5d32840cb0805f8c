//! The choice between the lean client and reqwest, for each request.

use std::cell::OnceCell;
use std::sync::Arc;

use http::uri::Scheme;

use super::http::{ClientError, ClientKind, HttpClient, HttpSettings, Reuse};
use super::lean::{LeanClient, Stamps};
use super::{Client, Connections};
use crate::exchange::{ErrorClass, Failure, Request, Response};

/// The lean client where it can do what is asked, reqwest elsewhere.
pub struct AnyClient {
    settings: HttpSettings,
    lean: Option<LeanClient>,
    /// Made when first needed, unless all requests are its own: that takes a while.
    reqwest: OnceCell<HttpClient>,
    /// Whether `https` is the lean client's, too.
    lean_tls: bool,
}

/// Whether a client can be made as `settings` ask; needs no runtime and opens nothing.
///
/// # Errors
/// What is wrong with them.
pub fn check(settings: &HttpSettings, secure: bool) -> Result<(), ClientError> {
    chosen(settings, secure)?;
    if secure || settings.tls.authorities.is_some() || settings.tls.identity.is_some() {
        settings.tls.build()?;
    }
    settings.proxy.as_deref().map_or(Ok(()), |address| super::http::proxy(address).map(drop))
}

/// Whether the lean client is used at all, and whether for `https`.
fn chosen(settings: &HttpSettings, secure: bool) -> Result<(bool, bool), ClientError> {
    let suits = |tls| LeanClient::suits(settings, tls);
    let (lean, lean_tls) = match settings.client {
        ClientKind::Auto => (suits(false), suits(true)),
        ClientKind::Reqwest => (false, false),
        // Where both versions would do, the lean client's it is.
        ClientKind::Lean if suits(false) => (true, true),
        ClientKind::Lean => return Err(ClientError::NotLean),
    };
    let own = settings.reuse == Reuse::Visitor || settings.connect_ahead > 0;
    if own && !(lean && (lean_tls || !secure)) {
        return Err(ClientError::NeedsLean);
    }
    Ok((lean, lean_tls))
}

impl AnyClient {
    /// The client that `settings` ask for, ready for TLS where requests will be `secure`: that takes a while. Has to be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When it cannot be set up as asked.
    pub fn new(settings: &HttpSettings, secure: bool) -> Result<Self, ClientError> {
        let (lean, lean_tls) = chosen(settings, secure)?;
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

    /// Whether answers come with the instant at which the kernel had them; reqwest's do not.
    pub fn stamps(&self) -> Stamps {
        let stamps = self.lean.as_ref().map(LeanClient::stamps).unwrap_or_default();
        if self.reqwest.get().is_some() {
            stamps.note_without();
        }
        stamps
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

    fn reqwest(&self) -> Result<&HttpClient, Failure> {
        if let Some(client) = self.reqwest.get() {
            return Ok(client);
        }
        self.stamps().note_without();
        // The settings were tried when the lean client was made.
        let client =
            HttpClient::new(&self.settings).map_err(|error| ErrorClass::Tls.because(error.to_string()))?;
        Ok(self.reqwest.get_or_init(|| client))
    }
}

impl Client for AnyClient {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        self.send_for(0, request).await
    }

    async fn send_for(&self, visitor: u32, request: Arc<Request>) -> Result<Response, Failure> {
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

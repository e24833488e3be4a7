//! Whether a request can have been sent: from the moment its connection stands, TLS included.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

/// Sees when a connection stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Connected(Arc<AtomicBool>);

impl Connected {
    /// Whether one does, or did.
    pub(super) fn stands(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl<S> Layer<S> for Connected {
    type Service = Seen<S>;

    fn layer(&self, inner: S) -> Seen<S> {
        Seen { inner, connected: self.clone() }
    }
}

/// What makes connections, seen.
#[derive(Debug, Clone)]
pub(super) struct Seen<S> {
    inner: S,
    connected: Connected,
}

impl<S, R> Service<R> for Seen<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connecting, connected) = (self.inner.call(request), self.connected.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            connected.0.store(true, Ordering::SeqCst);
            Ok(connection)
        })
    }
}

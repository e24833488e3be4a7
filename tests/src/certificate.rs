//! Certificates of a test's own: an authority that a program trusts when it is told to, and a server it vouches for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

/// An authority and what a server of it needs.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    config: Arc<ServerConfig>,
}

impl Authority {
    /// One that nobody trusts yet, and a server on this machine that it vouches for.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let server = names.signed_by(&server_key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.pem"), own.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], PrivateKeyDer::try_from(server_key.serialize_der()).unwrap())
            .unwrap();
        Self { folder, config: Arc::new(config) }
    }

    /// The file to name in `SSL_CERT_FILE`.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        Path::join(self.folder.path(), "authority.pem")
    }

    /// What a server of it speaks.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

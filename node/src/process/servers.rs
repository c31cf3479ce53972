//! The servers of a validator: HTTP for clients, metrics for Prometheus.

use super::{Error, bind};
use crate::config::Settings;
use crate::http::{self, Api, Limits};
use crate::metrics::Metrics;
use axum::Router;
use commonware_runtime::{Handle, Spawner as _, Supervisor as _, tokio};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Sockets that are listened on, though nobody answers yet: a port in use is found before anything starts.
pub struct Listeners {
    http: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

/// Servers that run.
pub struct Servers {
    /// Dropped to end the servers.
    stop: Vec<::tokio::sync::oneshot::Sender<()>>,
    servers: Vec<Handle<()>>,
    /// Tasks that never end by themselves.
    helpers: Vec<Handle<()>>,
}

/// How long the servers may take to end.
const GRACE: Duration = Duration::from_secs(2);

impl Listeners {
    /// Listens on the addresses of the settings; port 0 leaves a server out.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub fn bind(settings: &Settings) -> Result<Self, Error> {
        let listen =
            |what, address, port: u16| (port != 0).then(|| bind(what, SocketAddr::new(address, port))).transpose();
        Ok(Self {
            http: listen("http-port", settings.http_address, settings.http_port)?,
            metrics: listen("metrics-port", settings.metrics_address, settings.metrics_port)?,
        })
    }

    /// Starts the servers.
    ///
    /// # Errors
    /// The system refuses to use a socket.
    pub fn serve(self, context: &tokio::Context, api: &Api, metrics: &Arc<Metrics>) -> io::Result<Servers> {
        let mut servers = Servers { stop: Vec::new(), servers: Vec::new(), helpers: Vec::new() };
        if let Some(listener) = self.http {
            let follower = api.clone();
            servers.helpers.push(context.child("recent").spawn(move |_| follower.follow()));
            servers.start(context.child("http"), listener, api.router())?;
        }
        if let Some(listener) = self.metrics {
            servers.start(context.child("metrics"), listener, metrics.router())?;
        }
        Ok(servers)
    }
}

impl Servers {
    fn start(&mut self, context: tokio::Context, listener: TcpListener, router: Router) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = ::tokio::net::TcpListener::from_std(listener)?;
        let (stop, stopped) = ::tokio::sync::oneshot::channel();
        let stopped = async { drop(stopped.await) };
        self.servers.push(context.spawn(move |_| http::serve(listener, router, Limits::default(), stopped)));
        self.stop.push(stop);
        Ok(())
    }

    /// Lets requests under way end, for a moment, and stops.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = ::tokio::time::timeout(GRACE, futures::future::join_all(self.servers)).await;
        self.helpers.iter().for_each(Handle::abort);
    }
}

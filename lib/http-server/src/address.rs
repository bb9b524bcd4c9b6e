//! An address that is taken before anyone can connect to it.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// An address that nobody else can listen on, and where connections are refused until [`ReservedAddress::listen`]: a server
/// learns early that its address is taken, and opens it only once it can answer.
#[derive(Debug)]
pub struct ReservedAddress {
    socket: TcpSocket,
    address: SocketAddr,
}

impl ReservedAddress {
    /// Takes an address; port 0 takes any free one.
    ///
    /// # Errors
    /// The address is taken, or is none of this machine.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A server that was just ended leaves connections behind, which would keep the address for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address, with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens the address: connections are accepted from now on.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn nobody_connects_before_it_listens_and_it_is_taken_meanwhile() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let reserved = ReservedAddress::take(any).unwrap();
        let address = reserved.address();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = reserved.listen().unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        assert_eq!(connected.unwrap().local_addr().unwrap(), accepted.unwrap().1);
        let taken = ReservedAddress::take(address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}

//! A DynamoDB-compatible server for the tests of this program: started with the first of them, ended with the program.
//! It stores everything in memory.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// Time limit of the server's start, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Ends the server as soon as this program has ended, however it did: the other end of its input closes then.
const GUARD: &str = r#""$0" & server=$!
trap 'kill -9 $server; wait $server' EXIT
trap 'exit 1' INT TERM HUP
cat > /dev/null"#;

struct Server {
    address: SocketAddr,
    _guard: Child,
}

static SERVER: LazyLock<Server> = LazyLock::new(start);

/// Returns the server's address.
pub fn address() -> SocketAddr {
    SERVER.address
}

fn start() -> Server {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = temporary.parent().unwrap().join("tools/python/bin/ministack");
    assert!(
        program.exists(),
        "{} is missing, the DynamoDB-compatible server that the tables are tested against; install it: cargo xtask tools",
        program.display()
    );
    // Another program may take a port between its choice and its use.
    for attempt in 1.. {
        match start_on(free_port(), &program, temporary) {
            Ok(server) => return server,
            Err(said) => assert!(attempt < 3, "{} does not start:\n{said}", program.display()),
        }
    }
    unreachable!("it has started, or the test has failed")
}

fn start_on(port: u16, program: &Path, temporary: &Path) -> Result<Server, String> {
    let home = temporary.join("ministack");
    std::fs::create_dir_all(&home).unwrap();
    let log: PathBuf = home.join(format!("{port}.log"));
    let said = File::create(&log).unwrap();
    let mut guard = Command::new("/bin/sh")
        .args(["-c", GUARD])
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let give_up = Instant::now() + START_TIMEOUT;
    while Instant::now() < give_up {
        let own = std::fs::read_to_string(&log).is_ok_and(|said| said.contains("Running on"));
        if own && is_healthy(address) {
            return Ok(Server { address, _guard: guard });
        }
        thread::sleep(Duration::from_millis(50));
    }
    // A killed guard could not end the server.
    drop(guard.stdin.take());
    let _ = guard.wait();
    Err(std::fs::read_to_string(&log).unwrap_or_default())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn is_healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

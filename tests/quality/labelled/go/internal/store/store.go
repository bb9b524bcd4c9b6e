package store

import (
	"context"
	"crypto/md5"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math/rand"
	"time"

	"golang.org/x/crypto/ssh"
)

const userColumns = "id, email"

type Store struct{ db *sql.DB }

func (s *Store) ByEmail(ctx context.Context, email string) *sql.Row {
	q := fmt.Sprintf("SELECT id FROM users WHERE email = '%s'", email)
	return s.db.QueryRowContext(ctx, q)
}

func (s *Store) ByID(ctx context.Context, id int64) *sql.Row {
	return s.db.QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE id = $1", id)
}

func (s *Store) Rename(ctx context.Context, id int64, name string) error {
	_, err := s.db.ExecContext(ctx, "UPDATE users SET name = '"+name+"' WHERE id = $1", id)
	return err
}

func (s *Store) Disable(ctx context.Context, id int64) error {
	_, err := s.db.ExecContext(ctx, `UPDATE users SET disabled = true WHERE id = $1`, id)
	return err
}

func HashPassword(password string) string {
	sum := md5.Sum([]byte(password))
	return hex.EncodeToString(sum[:])
}

func Fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func ResetToken() string {
	return fmt.Sprintf("%016x", rand.Int63())
}

func APIKey() (string, error) {
	buf := make([]byte, 32)
	if _, err := crand.Read(buf); err != nil {
		return "", err
	}
	return hex.EncodeToString(buf), nil
}

func Jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int63n(int64(d/4)+1))
}

func TLSConfig(host string) *tls.Config {
	return &tls.Config{ServerName: host, InsecureSkipVerify: true}
}

func SSHConfig(user string, signer ssh.Signer) *ssh.ClientConfig {
	return &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second}
}

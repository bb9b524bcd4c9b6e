package jobs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

func Ping(ctx context.Context, host string) ([]byte, error) {
	return exec.CommandContext(ctx, "sh", "-c", "ping -c 1 "+host).Output()
}

func Version(ctx context.Context) ([]byte, error) {
	return exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
}

func Publish(path string, data []byte) error {
	return os.WriteFile(path, data, 0o777)
}

func Private(path string, data []byte) error {
	return os.WriteFile(path, data, 0o600)
}

func Sum(paths []string, dst io.Writer) error {
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(dst, f); err != nil {
			return err
		}
	}
	return nil
}

func Fetch(client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	defer resp.Body.Close()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(resp.Body)
}

func RunAll(tasks []func()) {
	var wg sync.WaitGroup
	for _, task := range tasks {
		go func() {
			wg.Add(1)
			defer wg.Done()
			task()
		}()
	}
	wg.Wait()
}

func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func Pause() {
	time.Sleep(250 * time.Millisecond)
}

package web

import (
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const uploadDir = "/srv/uploads"

var page = template.Must(template.New("page").Parse(`<h1>{{.Title}}</h1>{{.Body}}`))

func Profile(w http.ResponseWriter, r *http.Request) {
	bio := template.HTML(r.FormValue("bio"))
	if err := page.Execute(w, map[string]any{"Title": "Profile", "Body": bio}); err != nil {
		slog.Error("render", "err", err)
	}
}

func Footer() template.HTML {
	return template.HTML("<footer>&copy; Example Ltd</footer>")
}

func Download(w http.ResponseWriter, r *http.Request) {
	data, err := os.ReadFile(filepath.Join(uploadDir, r.URL.Query().Get("file")))
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := w.Write(data); err != nil {
		slog.Warn("write", "err", err)
	}
}

func Logo(w http.ResponseWriter, r *http.Request) {
	http.ServeFile(w, r, filepath.Join(uploadDir, "logo.png"))
}

func Subject(raw string) (string, error) {
	token, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	if err != nil {
		return "", fmt.Errorf("parse token: %w", err)
	}
	return token.Claims.GetSubject()
}

func Verified(raw string, key []byte) (*jwt.Token, error) {
	keyFunc := func(*jwt.Token) (any, error) { return key, nil }
	return jwt.Parse(raw, keyFunc, jwt.WithValidMethods([]string{"HS256"}))
}

func Login(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, HttpOnly: false, Secure: false})
}

func Serve(handler http.Handler) error {
	return http.ListenAndServe(":8080", handler)
}

func ServeAdmin(handler http.Handler) error {
	srv := &http.Server{Addr: ":8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	return srv.ListenAndServe()
}

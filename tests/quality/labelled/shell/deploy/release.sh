#!/usr/bin/env bash
# Roll a release out to the application hosts.
set -euo pipefail

APP=${APP:-shop}
RELEASE_DIR=/srv/releases
HOSTS=(app1.internal app2.internal)

usage() {
  echo "usage: release.sh VERSION    (never pipe curl into bash to install this)"
}

install_agent() {
  curl -fsSL https://get.example.com/agent.sh | bash
}

install_cli() {
  curl -fsSL --max-time 60 -o /opt/cli.tgz https://get.example.com/cli-2.1.tgz
  echo "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b  /opt/cli.tgz" | sha256sum -c -
}

fetch_manifest() {
  curl -k --max-time 30 -o manifest.json "https://artifacts.internal/$APP/manifest.json"
}

fetch_notes() {
  wget --no-check-certificate -T 30 -O notes.txt "https://artifacts.internal/$APP/notes.txt"
}

fetch_schema() {
  curl -fsS --cacert /etc/ssl/internal.pem --max-time 30 -o schema.json "https://artifacts.internal/$APP/schema.json"
}

clean_old() {
  local base=$1
  rm -rf $base/old
}

clean_tmp() {
  local base=${1:?base directory needed}
  rm -rf -- "${base:?}/tmp"
}

push() {
  local host=$1
  ssh -o StrictHostKeyChecking=no "$host" "systemctl restart $APP"
}

probe() {
  local host=$1
  ssh -o StrictHostKeyChecking=yes -o ConnectTimeout=10 "$host" systemctl status shop
}

open_logs() {
  chmod -R 777 "$RELEASE_DIR/logs"
}

close_logs() {
  chmod -R u=rwX,g=rX,o= "$RELEASE_DIR/logs"
}

for host in "${HOSTS[@]}"; do
  push "$host"
  probe "$host"
done

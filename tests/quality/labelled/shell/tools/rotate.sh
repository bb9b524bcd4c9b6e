#!/bin/bash
# Rotate application logs and mail a summary.

LOG_DIR=/var/log/shop

run_hook() {
  eval "$1"
}

run_known_hook() {
  case $1 in
    before|after) "hook_$1" ;;
    *) return 2 ;;
  esac
}

summary() {
  local out=/tmp/summary.txt
  grep -c ERROR "$LOG_DIR/app.log" > /tmp/summary.$$
  mv "/tmp/summary.$$" "$out"
}

report() {
  local out
  out=$(mktemp) || return 1
  grep -c WARN "$LOG_DIR/app.log" > "$out"
}

compress_all() {
  for f in $(ls "$LOG_DIR"); do
    gzip "$LOG_DIR/$f"
  done
}

compress_old() {
  for f in "$LOG_DIR"/*.log; do
    [ -e "$f" ] && gzip "$f"
  done
}

purge() {
  cd "$1"
  rm -f ./*.gz
}

prune() {
  cd "$1" || return 1
  rm -f ./*.gz
}

is_enabled() {
  [ $1 == "on" ]
}

is_disabled() {
  [[ $1 == off ]]
}

strip_blank() {
  grep -v '^$' "$LOG_DIR/app.log" > "$LOG_DIR/app.log"
}

busy() {
  [[ $1 > 100 ]]
}

idle() {
  [[ $1 -lt 10 ]]
}

header() {
  echo 'Cost is $5 per GB, eval is not used'
}

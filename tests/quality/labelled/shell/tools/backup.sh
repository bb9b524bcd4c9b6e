#!/usr/bin/env bash
set -uo pipefail

BACKUP_HOST=backup.internal
DB=shop

dump() {
  mysqldump -u root -pTulip-Meadow-77 "$DB" > "/backup/$DB.sql"
}

dump_full() {
  mysqldump --defaults-extra-file=/etc/backup/my.cnf "$DB" > "/backup/$DB.sql"
}

write_motd() {
  sudo echo "backup done" > /etc/motd
}

write_status() {
  echo "backup done" | sudo tee /etc/backup.status > /dev/null
}

count_rows() {
  local total=0
  while IFS= read -r line; do
    [[ -n $line ]] && total=$((total + 1))
  done < "/backup/$DB.sql"
  echo "$total"
}

find_owner() {
  find /backup -name '*.sql' -exec sh -c 'chown backup {}' \;
}

find_mode() {
  find /backup -name '*.sql' -exec chmod 600 {} +
}

stop_old() {
  rm -f /run/backup.pid || true
}

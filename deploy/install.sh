#!/bin/sh
# Pristan on one server of its own: Debian 12 or 13, no Docker. As root, from the unpacked source:
#
#   deploy/install.sh              installs, or repairs what is there: safe to run again at any time. Asks three questions, once
#   deploy/install.sh upgrade      from the folder of the new version: a backup, the new version beside the old one, the schema, the switch
#   deploy/install.sh back         the version before. The schema stays: each version runs on the schema of the next one
#   deploy/install.sh uninstall    removes the service. Data, keys and backups stay; --with-data removes them too, for good
#
# Answers can be given instead of typed: --name HOST, --database postgresql|sqlite, --proxy caddy|nginx|none, and --onion for an
# onion service. --root DIR writes all files below DIR and touches nothing else of this machine: to look at them, and for tests.
set -eu
umask 022
# `su` without a dash leaves out the folders of root's commands.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

HERE=$(cd "$(dirname "$0")/.." && pwd)
ROOT=""
NAME="" DATABASE="" PROXY="" ONION="" WITH_DATA=""
ACTION=install

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
dry() { [ -n "$ROOT" ]; }

while [ $# -gt 0 ]; do
  case "$1" in
    install|upgrade|back|uninstall) ACTION=$1 ;;
    --name) NAME=${2:?}; shift ;;
    --database) DATABASE=${2:?}; shift ;;
    --proxy) PROXY=${2:?}; shift ;;
    --onion) ONION=yes ;;
    --with-data) WITH_DATA=yes ;;
    --root) ROOT=${2:?}; shift ;;
    -h|--help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "what is '$1'? --help lists everything" ;;
  esac
  shift
done

ETC=$ROOT/etc/pristan
OPT=$ROOT/opt/pristan
VAR=$ROOT/var/lib/pristan
BACKUPS=$ROOT/var/backups/pristan
UNITS=$ROOT/etc/systemd/system
SURFACES="public desk partner"

ask() { # ask VARIABLE "question" default pattern
  eval "value=\${$1:-}"
  if [ -z "$value" ]; then
    [ -t 0 ] || fail "$2 Give it as an option; --help lists them."
    printf '%s [%s] ' "$2" "$3"
    read -r value
    value=${value:-$3}
  fi
  printf '%s\n' "$value" | grep -Eq "^($4)\$" || fail "'$value' is not an answer to: $2"
  eval "$1=\$value"
}

check_machine() {
  dry && return 0
  [ "$(id -u)" -eq 0 ] || fail "run me as root"
  # In a shell of its own: the file has a NAME too.
  system=$(. /etc/os-release && printf '%s-%s' "${ID:-}" "${VERSION_ID:-}")
  case "$system" in debian-12|debian-13) ;; *) fail "this is for Debian 12 and 13; here is $system" ;; esac
}

# --- the answers are kept, so that nothing is asked twice

remember() {
  mkdir -p "$ETC"
  [ -f "$ETC/answers" ] && . "$ETC/answers"
  NAME=${NAME:-${PRISTAN_NAME:-}} DATABASE=${DATABASE:-${PRISTAN_DATABASE:-}} PROXY=${PROXY:-${PRISTAN_PROXY:-}} ONION=${ONION:-${PRISTAN_ONION:-}}
  ask NAME "1. The name that people open, without https://?" help.example.org '[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+'
  ask DATABASE "2. The database, postgresql or sqlite (one process, for a small team)?" postgresql 'postgresql|sqlite'
  ask PROXY "3. The proxy with TLS, caddy (gets its certificate itself), nginx (you bring one) or none?" caddy 'caddy|nginx|none'
  if [ -n "${PRISTAN_DATABASE:-}" ] && [ "$DATABASE" != "$PRISTAN_DATABASE" ]; then
    fail "this installation is on $PRISTAN_DATABASE; the handbook says how to move to another database"
  fi
  printf 'PRISTAN_NAME=%s\nPRISTAN_DATABASE=%s\nPRISTAN_PROXY=%s\nPRISTAN_ONION=%s\n' "$NAME" "$DATABASE" "$PROXY" "$ONION" > "$ETC/answers"
}

# --- packages, user and folders

install_packages() {
  dry && return 0
  wanted="python3 python3-venv ca-certificates"
  [ "$DATABASE" = postgresql ] && wanted="$wanted postgresql"
  [ "$PROXY" = none ] || wanted="$wanted $PROXY"
  [ -n "$ONION" ] && wanted="$wanted tor"
  missing=""
  for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  say "Installing$missing"
  DEBIAN_FRONTEND=noninteractive apt-get update -q
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

make_user() {
  if ! dry; then
    getent group pristan >/dev/null || groupadd --system pristan
    getent passwd pristan >/dev/null \
      || useradd --system --gid pristan --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin pristan
  fi
  mkdir -p "$OPT/releases" "$VAR" "$BACKUPS" "$UNITS"
  chmod 700 "$VAR" "$BACKUPS" "$ETC"
  dry || chown pristan:pristan "$VAR" "$BACKUPS"
}

# --- a release: this source with an environment of its own, pinned by hash

version_here() { sed -n 's/^version = "\(.*\)"$/\1/p' "$HERE/pyproject.toml" | head -n 1; }

fingerprint_here() { # what is in the source, so that the same source is one release
  (cd "$HERE" && find app alembic alembic.ini pyproject.toml requirements -type f ! -name '*.pyc' ! -name '*.mo' -print0 | LC_ALL=C sort -z \
    | xargs -0 sha256sum | sha256sum | cut -c1-12)
}

build_release() {
  RELEASE="$(version_here)-$(fingerprint_here)"
  made="$OPT/releases/$RELEASE"
  if [ -f "$made/.complete" ]; then say "Version $RELEASE is there already"; return 0; fi
  say "Building version $RELEASE"
  rm -rf "$made"
  mkdir -p "$made"
  cp -R "$HERE/app" "$HERE/alembic" "$HERE/alembic.ini" "$HERE/pyproject.toml" "$HERE/README.md" "$HERE/LICENSE" "$HERE/requirements" \
    "$HERE/docs" "$HERE/deploy" "$made/"
  if dry; then
    mkdir -p "$made/.venv/bin"
    printf '#!/bin/sh\n# stands for the service in a dry run\n' > "$made/.venv/bin/pristan"
    chmod 755 "$made/.venv/bin/pristan"
  else
    (cd "$made" && python3 requirements/install.py base && .venv/bin/pristan i18n compile >/dev/null \
      && .venv/bin/python -m compileall -q app alembic)
    chown -R root:root "$made"
  fi
  touch "$made/.complete"
}

switch_to() { # switch_to RELEASE: in one step; the one before is remembered
  if [ -L "$OPT/current" ]; then
    now=$(basename "$(readlink "$OPT/current")")
    [ "$now" = "$1" ] || ln -sfn "releases/$now" "$OPT/former"
  fi
  ln -sfn "releases/$1" "$OPT/current.new" && mv -T "$OPT/current.new" "$OPT/current"
  ln -sfn current/.venv/bin "$OPT/bin"
  mkdir -p "$ROOT/usr/share/doc"
  ln -sfn /opt/pristan/current/docs "$ROOT/usr/share/doc/pristan"
}

remove_old_releases() { # all but the present and the former one
  for path in "$OPT"/releases/*; do
    [ "$path" -ef "$OPT/current" ] || [ "$path" -ef "$OPT/former" ] || rm -rf "$path"
  done
}

# --- settings: one file for each process, with its own database role; what you add below the last line stays

secret() { python3 -c 'import secrets; print(secrets.token_urlsafe(32), end="")'; }

password_of() { # made once
  file="$ETC/passwords/db_password_$1"
  [ -s "$file" ] || (umask 077; secret > "$file")
  cat "$file"
}

write_environment() {
  mkdir -p "$ETC/passwords" && chmod 700 "$ETC/passwords"
  common="PRISTAN_BASE_URL=https://$NAME
PRISTAN_TRUSTED_PROXIES=unix"
  if [ "$DATABASE" = postgresql ]; then # four processes, the backup and a command: together less than the 100 of Debian's PostgreSQL
    common="$common
PRISTAN_DATABASE_CONNECTIONS=15"
  fi
  if [ "$DATABASE" = sqlite ]; then
    kinds="all backup reminder admin"
  else
    kinds="$SURFACES worker backup reminder admin"
  fi
  for kind in $kinds; do
    file="$ETC/$kind.env"
    url=""
    if [ "$DATABASE" = postgresql ]; then
      case "$kind" in
        admin) url="PRISTAN_DATABASE_URL=postgresql://pristan:$(password_of owner)@127.0.0.1/pristan" ;;
        reminder) url="PRISTAN_DATABASE_URL=postgresql://pristan_backup:$(password_of backup)@127.0.0.1/pristan" ;;
        *) url="PRISTAN_DATABASE_URL=postgresql://pristan_$kind:$(password_of "$kind")@127.0.0.1/pristan" ;;
      esac
    fi
    own=""
    [ -f "$file" ] && own=$(sed '1,/^# --- your own settings/d' "$file")
    (umask 077; {
      say "# Written by install.sh. It writes again what stands above the line."
      say "$common"
      [ -z "$url" ] || say "$url"
      [ -z "$ONION" ] || [ ! -s "$ETC/onion" ] || say "PRISTAN_ONION_LOCATION=http://$(cat "$ETC/onion")"
      say "# --- your own settings (docs/operations.md)"
      [ -z "$own" ] || say "$own"
    } > "$file.new")
    chmod 600 "$file.new" && mv "$file.new" "$file"
  done
}

# --- units

units_wanted() {
  if [ "$DATABASE" = sqlite ]; then say pristan-all.service; else
    for surface in $SURFACES; do say "pristan-$surface.service"; done
    say pristan-worker.service
  fi
  say pristan-backup.timer
  say pristan-reminder.timer
}

services() { units_wanted | grep 'service$'; }

install_units() {
  for unit in $(units_wanted) pristan-backup.service pristan-reminder.service; do
    install -m 644 "$OPT/current/deploy/systemd/$unit" "$UNITS/$unit"
  done
  mkdir -p "$ROOT/usr/local/sbin"
  cat > "$ROOT/usr/local/sbin/pristan-admin" <<'ADMIN'
#!/bin/sh
# The commands of `pristan` as the service's user and as the owner of the tables: pristan-admin --help
set -eu
set -a
. /etc/pristan/admin.env
set +a
export PRISTAN_VAR=/var/lib/pristan PRISTAN_WORKER_IN_WEB=false PYTHONDONTWRITEBYTECODE=1
umask 077
cd /var/lib/pristan
exec setpriv --reuid=pristan --regid=pristan --init-groups -- /opt/pristan/bin/pristan "$@"
ADMIN
  chmod 755 "$ROOT/usr/local/sbin/pristan-admin"
}

# --- the proxy: TLS, time-outs, limits, and a log without addresses

proxy_text() { # the example of deploy/proxy with our name; on SQLite every surface is in one process
  text=$(sed "s/help\.example\.org/$NAME/g" "$1")
  [ "$DATABASE" = sqlite ] && text=$(printf '%s\n' "$text" | sed 's#/run/pristan-\(public\|desk\|partner\)/#/run/pristan-all/#g')
  printf '%s\n' "$text"
}

write_proxy() {
  case "$PROXY" in
    caddy)
      mkdir -p "$ROOT/etc/caddy"
      keep_foreign "$ROOT/etc/caddy/Caddyfile"
      proxy_text "$OPT/current/deploy/proxy/Caddyfile" > "$ROOT/etc/caddy/Caddyfile" ;;
    nginx)
      mkdir -p "$ROOT/etc/nginx/conf.d" "$ROOT/etc/ssl/pristan"
      text=$(proxy_text "$OPT/current/deploy/proxy/nginx.conf")
      # `http2 on` is of nginx 1.25; Debian 12 has 1.22, where it stands behind `listen`.
      if ! dry && ! nginx_is_new; then text=$(printf '%s\n' "$text" | sed -e '/^ *http2 on;$/d' -e 's/443 ssl;/443 ssl http2;/'); fi
      printf '%s\n' "$text" > "$ROOT/etc/nginx/conf.d/pristan.conf"
      if ! [ -s "$ROOT/etc/ssl/pristan/fullchain.pem" ] && ! dry; then
        say "No certificate yet: a self-signed one is put into /etc/ssl/pristan. Replace fullchain.pem and key.pem by real ones."
        (umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$NAME" \
          -keyout /etc/ssl/pristan/key.pem -out /etc/ssl/pristan/fullchain.pem 2>/dev/null)
      fi ;;
  esac
  dry && return 0
  case "$PROXY" in caddy) usermod -a -G pristan caddy ;; nginx) usermod -a -G pristan www-data ;; esac
}

nginx_is_new() { nginx -v 2>&1 | sed 's/.*nginx\///' | awk -F. '{ exit !($1 > 1 || $2 >= 25) }'; }

keep_foreign() { # somebody else's file is put aside, once
  if [ -f "$1" ] && ! grep -q 'in front of Pristan' "$1" && ! [ -e "$1.before-pristan" ]; then cp -p "$1" "$1.before-pristan"; fi
}

write_onion() {
  [ -n "$ONION" ] || return 0
  mkdir -p "$ROOT/etc/tor"
  touch "$ROOT/etc/tor/torrc"
  surface=public
  [ "$DATABASE" = sqlite ] && surface=all
  sed -i '/^# pristan: begin/,/^# pristan: end/d' "$ROOT/etc/tor/torrc"
  cat >> "$ROOT/etc/tor/torrc" <<TORRC
# pristan: begin
HiddenServiceDir /var/lib/tor/pristan
HiddenServiceVersion 3
HiddenServicePort 80 unix:/run/pristan-$surface/http.sock
# pristan: end
TORRC
  dry && return 0
  usermod -a -G pristan debian-tor
  systemctl restart tor@default 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    if [ -s /var/lib/tor/pristan/hostname ]; then cp /var/lib/tor/pristan/hostname "$ETC/onion"; break; fi
    sleep 1
  done
}

# --- the database

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -X -q -v ON_ERROR_STOP=1 "$@"); }

prepare_database() {
  dry && return 0
  if [ "$DATABASE" = postgresql ]; then
    password=$(password_of owner)
    as_postgres -tAc "SELECT 1 FROM pg_roles WHERE rolname = 'pristan'" | grep -q 1 || as_postgres -c "CREATE ROLE pristan LOGIN CREATEROLE"
    printf "ALTER ROLE pristan PASSWORD '%s';\n" "$password" | as_postgres
    as_postgres -tAc "SELECT 1 FROM pg_database WHERE datname = 'pristan'" | grep -q 1 \
      || as_postgres -c "CREATE DATABASE pristan OWNER pristan ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
  fi
  migrate
}

migrate() {
  dry && return 0
  pristan-admin migrate
  if [ "$DATABASE" = postgresql ]; then
    copied=$(mktemp -d) && cp "$ETC"/passwords/db_password_* "$copied/" && rm -f "$copied/db_password_owner"
    chown -R pristan "$copied"
    pristan-admin database grants --passwords "$copied" >/dev/null
    rm -rf "$copied"
  fi
}

has_team() { # nothing is served before `pristan init`
  if [ "$DATABASE" = postgresql ]; then
    as_postgres -d pristan -tAc 'SELECT 1 FROM teams LIMIT 1' 2>/dev/null | grep -q 1
  else
    python3 -c 'import sqlite3, sys; sys.exit(not sqlite3.connect(sys.argv[1]).execute("SELECT 1 FROM teams").fetchone())' "$VAR/pristan.db" 2>/dev/null
  fi
}

start() {
  dry && return 0
  systemctl daemon-reload
  # shellcheck disable=SC2046
  if has_team; then
    systemctl enable -q $(units_wanted)
    systemctl restart $(services)
    systemctl start pristan-backup.timer pristan-reminder.timer
  fi
  case "$PROXY" in
    caddy) systemctl restart caddy ;;
    nginx) nginx -t -q && systemctl restart nginx ;;
  esac
}

stop() { dry || systemctl stop pristan-all.service pristan-public.service pristan-desk.service pristan-partner.service pristan-worker.service \
  pristan-backup.timer pristan-reminder.timer 2>/dev/null || true; }

# --- what can be asked for

do_install() {
  remember
  install_packages
  make_user
  build_release
  switch_to "$RELEASE"
  write_onion
  write_environment
  install_units
  write_proxy
  prepare_database
  start
  say "Installed: version $RELEASE for https://$NAME on $DATABASE, proxy $PROXY."
  dry || has_team || say "Now make the first team, then run this script again, which starts the service:
  pristan-admin init --team TEAM --countries PL,LT --member YOUR-NAME
  pristan-admin keys backup-key
The handbook goes on from there: /usr/share/doc/pristan/operations.md"
}

do_upgrade() {
  [ -L "$OPT/current" ] || fail "nothing is installed here; run install first"
  remember
  before=$(basename "$(readlink "$OPT/current")")
  build_release
  if [ "$RELEASE" = "$before" ]; then say "Version $RELEASE is the present one: nothing to do."; return 0; fi
  if ! dry; then
    file="/var/backups/pristan/before-$RELEASE-$(date -u +%Y%m%dT%H%M%SZ).backup"
    say "A backup first: $file"
    pristan-admin backup "$file" || fail "no backup, so nothing was changed"
    cp -p "$VAR/keys.json" "$VAR/keys.before-upgrade.json"
  fi
  [ "$DATABASE" = sqlite ] && stop
  switch_to "$RELEASE"
  write_environment
  install_units
  if ! migrate; then switch_to "$before"; install_units; start; fail "the schema could not be changed; version $before goes on"; fi
  write_proxy
  start
  if ! answers; then
    switch_to "$before"; install_units; start
    fail "version $RELEASE did not answer, and version $before runs again. Why: journalctl -u 'pristan-*'"
  fi
  dry || rm -f "$VAR/keys.before-upgrade.json"
  remove_old_releases
  say "Upgraded from $before to $RELEASE. The way back: deploy/install.sh back"
}

answers() {
  dry && return 0
  for unit in $(services | grep -v worker); do
    socket="/run/${unit%.service}/http.sock"
    python3 - "$socket" <<'PY' || return 1
import http.client, socket, sys, time
class Socket(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX); self.sock.settimeout(5); self.sock.connect(sys.argv[1])
for _ in range(60):
    try:
        asked = Socket("localhost"); asked.request("GET", "/readyz"); sys.exit(0 if asked.getresponse().status == 200 else 1)
    except OSError:
        time.sleep(1)
sys.exit(1)
PY
  done
}

do_back() {
  [ -L "$OPT/former" ] || fail "there is no version before this one"
  remember
  [ "$DATABASE" = sqlite ] && stop
  switch_to "$(basename "$(readlink "$OPT/former")")"
  write_environment
  install_units
  start
  say "Version $(basename "$(readlink "$OPT/current")") runs again."
}

do_uninstall() {
  remember
  stop
  for unit in $(units_wanted) pristan-backup.service pristan-reminder.service; do
    dry || systemctl disable -q "$unit" 2>/dev/null || true
    rm -f "$UNITS/$unit"
  done
  if ! dry; then
    systemctl daemon-reload
    systemctl reset-failed 'pristan-*' 2>/dev/null || true # a unit that failed last would stay in the lists
  fi
  rm -rf "$OPT" "$ROOT/usr/share/doc/pristan" "$ROOT/usr/local/sbin/pristan-admin" "$ROOT/etc/nginx/conf.d/pristan.conf"
  if [ "$PROXY" = caddy ] && grep -q 'in front of Pristan' "$ROOT/etc/caddy/Caddyfile" 2>/dev/null; then
    rm -f "$ROOT/etc/caddy/Caddyfile"
    [ -f "$ROOT/etc/caddy/Caddyfile.before-pristan" ] && mv "$ROOT/etc/caddy/Caddyfile.before-pristan" "$ROOT/etc/caddy/Caddyfile"
    dry || systemctl stop caddy
  fi
  if [ "$PROXY" = nginx ] && ! dry; then systemctl reload nginx 2>/dev/null || true; fi
  [ -f "$ROOT/etc/tor/torrc" ] && sed -i '/^# pristan: begin/,/^# pristan: end/d' "$ROOT/etc/tor/torrc"
  if [ -z "$WITH_DATA" ]; then
    say "The service is gone. Data and keys stay in /var/lib/pristan, settings in /etc/pristan, backups in /var/backups/pristan."
    return 0
  fi
  if ! dry && [ "$DATABASE" = postgresql ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -X -q -c 'DROP DATABASE IF EXISTS pristan WITH (FORCE)')
    for role in public desk partner worker backup; do
      (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -X -q -c "DROP ROLE IF EXISTS pristan_$role") || true
    done
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -X -q -c 'DROP ROLE IF EXISTS pristan') || true
  fi
  if [ -f "$VAR/keys.json" ]; then shred -u "$VAR/keys.json" 2>/dev/null || rm -f "$VAR/keys.json"; fi # without it nothing can be decrypted
  rm -rf "$VAR" "$BACKUPS" "$ETC"
  dry || { userdel pristan 2>/dev/null || true; }
  say "The service, its data, keys and backups are gone from this machine. Copies that you keep elsewhere are yours to destroy."
}

check_machine
case "$ACTION" in
  install) do_install ;;
  upgrade) do_upgrade ;;
  back) do_back ;;
  uninstall) do_uninstall ;;
esac

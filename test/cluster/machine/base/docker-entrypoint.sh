#!/bin/sh
# Prepares an nginx container as the official image does: before nginx starts, everything in /docker-entrypoint.d runs in
# the order of its name. A script that fails ends the container.
set -e

log() {
  [ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: $*"
}

if [ "${1:-}" = nginx ]; then
  for script in $(find /docker-entrypoint.d -follow -type f | sort -V); do
    case $script in
      *.envsh | *.sh)
        if [ ! -x "$script" ]; then
          log "ignoring $script, which is not executable"
        elif [ "${script%.envsh}" != "$script" ]; then
          log "sourcing $script"
          . "$script"
        else
          log "launching $script"
          "$script"
        fi
        ;;
      *) log "ignoring $script" ;;
    esac
  done
  log "configuration complete; ready for start up"
fi

exec "$@"

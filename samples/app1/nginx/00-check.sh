#!/bin/sh
# Where the base image's entrypoint would only complain and go on, this ends the container: a variable that is
# missing or that nginx would not read as plain text, and a folder that cannot be written to.
set -eu

fail() {
    echo "$(basename "$0"): ERROR: $1" >&2
    exit 1
}

check() {
    case $2 in
        '') fail "$1 is not set; pass it with --env-file or with -e $1=..." ;;
        *[!A-Za-z0-9._-]*) fail "$1 is '$2', but may have only letters, digits, '.', '_' and '-'" ;;
    esac
}

check APP_NAME "${APP_NAME-}"
check COUNTRY "${COUNTRY-}"

# Made anew on every start, so that nothing of an earlier one is served.
{ rm -rf /tmp/nginx && mkdir /tmp/nginx; } 2>/dev/null ||
    fail "/tmp/nginx cannot be written; a read-only container needs --tmpfs /tmp, a pod an emptyDir on /tmp"

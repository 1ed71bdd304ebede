#!/bin/sh
# Fills the environment's values into templates, with the variables that the official image documents.
set -e

templates=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}

[ -d "$templates" ] || exit 0
# As the official image: this is told and nothing more, and nginx then starts with whatever configuration there is.
if [ ! -w "$output" ]; then
  echo "$0: ERROR: $templates exists, but $output is not writable"
  exit 0
fi

# Only variables that are set, and whose names match the filter, are replaced: nginx has variables of its own.
names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | grep -E -e "${NGINX_ENVSUBST_FILTER:-}" || true)
known=$(for name in $names; do printf '${%s} ' "$name"; done)

find "$templates" -follow -type f -name "*$suffix" | while read -r template; do
  relative=${template#"$templates"/}
  target=$output/${relative%"$suffix"}
  mkdir -p "$(dirname "$target")"
  [ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: running envsubst on $template to $target"
  envsubst "$known" <"$template" >"$target"
done

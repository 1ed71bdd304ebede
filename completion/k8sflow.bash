# Made by scripts/generate.ts; do not edit.
_k8sflow() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words
  case "$previous" in
    --project | -p) COMPREPLY=($(compgen -W "app1 app2" -- "$current")); return ;;
    --environment | -e) COMPREPLY=($(compgen -W "production staging" -- "$current")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="build deploy history hosts install render rollback scan status uninstall upgrade validate values"
  else
    case "${COMP_WORDS[1]}" in
    build) words="--json --verbose --color --no-color --project --push --load --oci-dir --write --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache --dry-run" ;;
    deploy) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    history) words="--json --verbose --color --no-color --project --kubeconfig --context --namespace --release" ;;
    hosts) words="--json --verbose --color --no-color --write --remove --ip --ddns --project --countries --hosts-file --dry-run --kubeconfig --context" ;;
    install) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    render) words="--json --verbose --color --no-color --countries --project --environment --namespaces --chart --kube-version --namespace --release" ;;
    rollback) words="--json --verbose --color --no-color --project --timeout --wait --no-wait --verify --no-verify --yes --dry-run --kubeconfig --context --namespace --release" ;;
    scan) words="--json --verbose --color --no-color --project --file --severity --ignore-unfixed --platform --format --ignore-file --chart" ;;
    status) words="--json --verbose --color --no-color --project --countries --check --kubeconfig --context --namespace --release" ;;
    uninstall) words="--json --verbose --color --no-color --project --delete-namespaces --ignore-not-found --timeout --wait --no-wait --yes --dry-run --kubeconfig --context --namespace --release" ;;
    upgrade) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    validate) words="--json --verbose --color --no-color" ;;
    values) words="--json --verbose --color --no-color --countries --project --environment --output --dry-run --yes" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _k8sflow k8sflow

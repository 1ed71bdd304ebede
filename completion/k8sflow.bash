# Made by scripts/generate.ts; do not edit.
_k8sflow() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words
  case "$previous" in
    --project | -p) COMPREPLY=($(compgen -W "app1 app2" -- "$current")); return ;;
    --environment | -e) COMPREPLY=($(compgen -W "production staging" -- "$current")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="build deploy expose gitops history hosts install loadtest monitoring render rollback scan status tls uninstall upgrade validate values vpn"
  else
    case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
    "build "*) words="--json --verbose --color --no-color --project --push --load --oci-dir --write --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache --dry-run" ;;
    "deploy "*) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --allow-argocd --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    "expose check") words="--json --verbose --color --no-color --public-address --port --ca" ;;
    "expose "*) words="check" ;;
    "gitops open") words="--json --verbose --color --no-color --port --show-password --argocd-namespace --kubeconfig --context" ;;
    "gitops status") words="--json --verbose --color --no-color --check --argocd-namespace --kubeconfig --context" ;;
    "gitops "*) words="open status --json --verbose --color --no-color --repo --revision --path --values --environment --per-app --single --output-dir --argocd-namespace --dry-run --namespace --release" ;;
    "history "*) words="--json --verbose --color --no-color --project --kubeconfig --context --namespace --release" ;;
    "hosts "*) words="--json --verbose --color --no-color --write --remove --ip --ddns --project --countries --hosts-file --dry-run --kubeconfig --context" ;;
    "install "*) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --allow-argocd --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    "loadtest "*) words="--json --verbose --color --no-color --project --countries --users --spawn-rate --duration --via --address --max-p95 --max-failures --watch-scale-down --report --yes --dry-run --kubeconfig --context" ;;
    "monitoring install") words="--json --verbose --color --no-color --values --monitoring-chart --chart-version --timeout --wait --no-wait --yes --dry-run --monitoring-namespace --kubeconfig --context" ;;
    "monitoring open") words="--json --verbose --color --no-color --port --show-password --monitoring-namespace --kubeconfig --context" ;;
    "monitoring "*) words="install open" ;;
    "render "*) words="--json --verbose --color --no-color --countries --project --environment --namespaces --chart --kube-version --namespace --release" ;;
    "rollback "*) words="--json --verbose --color --no-color --project --timeout --wait --no-wait --verify --no-verify --allow-argocd --yes --dry-run --kubeconfig --context --namespace --release" ;;
    "scan "*) words="--json --verbose --color --no-color --project --file --severity --ignore-unfixed --platform --format --ignore-file --chart" ;;
    "status "*) words="--json --verbose --color --no-color --project --countries --check --kubeconfig --context --namespace --release" ;;
    "tls ca") words="--json --verbose --color --no-color --output --cert-manager-namespace --kubeconfig --context" ;;
    "tls issuers") words="--json --verbose --color --no-color --email --ingress-class --cert-manager-namespace --output --dry-run --kubeconfig --context" ;;
    "tls self-signed") words="--json --verbose --color --no-color --project --countries --renew --dry-run --kubeconfig --context" ;;
    "tls status") words="--json --verbose --color --no-color --project --countries --check --within --kubeconfig --context" ;;
    "tls "*) words="ca issuers self-signed status" ;;
    "uninstall "*) words="--json --verbose --color --no-color --project --delete-namespaces --ignore-not-found --timeout --wait --no-wait --allow-argocd --yes --dry-run --kubeconfig --context --namespace --release" ;;
    "upgrade "*) words="--json --verbose --color --no-color --file --countries --project --environment --timeout --wait --no-wait --verify --no-verify --check-platforms --no-check-platforms --rollback-on-ping-failure --allow-environment-change --allow-removal --allow-argocd --adopt --repair --chart --build --dry-run --yes --kubeconfig --context --namespace --release --source --platform --image-prefix --tag --build-arg --allow-dirty --builder --cache-from --cache-to --provenance --sbom --ignore-cache" ;;
    "validate "*) words="--json --verbose --color --no-color" ;;
    "values "*) words="--json --verbose --color --no-color --countries --project --environment --output --dry-run --yes" ;;
    "vpn add") words="--json --verbose --color --no-color --days --passphrase-file --dir" ;;
    "vpn init") words="--json --verbose --color --no-color --server --route --network --proto --days --passphrase --passphrase-file --dir --kubeconfig --context" ;;
    "vpn list") words="--json --verbose --color --no-color --dir" ;;
    "vpn renew") words="--json --verbose --color --no-color --days --within --passphrase-file --dir" ;;
    "vpn revoke") words="--json --verbose --color --no-color --passphrase-file --dir" ;;
    "vpn "*) words="add init list renew revoke" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _k8sflow k8sflow

import { execa } from 'execa'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MachineError } from './failure.js'
import { go, goModuleFolder } from './go-modules.js'
import { machineDir } from './paths.js'
import versions from './versions.json' with { type: 'json' }

const pinned = versions.go

/** One thing that is built from Go source, and the files it leaves in `bin`. */
export interface Artifact {
  name: string
  outputs: string[]
  /** Pinned versions and flags: another value means to build again. */
  key: string
  /** A folder of this repository whose files also belong to the key. */
  source?: string
  /** Builds into an empty folder; the caller moves the outputs to their place. */
  build: (into: string) => Promise<void>
}

const small = '-s -w'

/** A Go program's pinned release, built by its module path. */
function released(
  name: string,
  version: string,
  packages: string[],
  options: { as?: string; ldflags?: string } = {},
): Artifact {
  const built = packages.map((pkg) => path.basename(pkg))
  const ldflags = [small, options.ldflags ?? ''].join(' ').trim()
  return {
    name,
    outputs: options.as ? [options.as] : built,
    key: `${packages.join(' ')}@${version} ${ldflags}`,
    async build(into) {
      const targets = packages.map((pkg) => `${pkg}@v${version}`)
      await go(['install', '-trimpath', '-ldflags', ldflags, ...targets], { env: { GOBIN: into } })
      if (options.as) await cp(path.join(into, built[0]!), path.join(into, options.as))
    },
  }
}

/** A program whose main package is in this repository. */
function own(name: string, options: { ldflags?: string; requires?: Record<string, string> } = {}): Artifact {
  const source = path.join(machineDir, 'go', name)
  const ldflags = [small, options.ldflags ?? ''].join(' ').trim()
  return {
    name,
    outputs: [name],
    key: ldflags,
    source,
    async build(into) {
      await checkRequires(source, options.requires ?? {})
      await go(['build', '-trimpath', '-ldflags', ldflags, '-o', path.join(into, name), '.'], { cwd: source })
    },
  }
}

/** Every artifact, in the order of building: what others need first comes first. */
export const artifacts: Artifact[] = [
  released('helm4', pinned.helm4, ['helm.sh/helm/v4/cmd/helm'], {
    as: 'helm4',
    ldflags: `-X helm.sh/helm/v4/internal/version.version=v${pinned.helm4}`,
  }),
  released('helm3', pinned.helm3, ['helm.sh/helm/v3/cmd/helm'], {
    as: 'helm3',
    ldflags: helm3Flags(),
  }),
  own('kube', {
    ldflags: kubeVersionFlags(pinned.kube),
    requires: {
      'k8s.io/kubernetes': pinned.kube,
      'go.etcd.io/etcd/server/v3': pinned.etcd,
      'sigs.k8s.io/metrics-server': pinned['metrics-server'],
    },
  }),
  released('containerd', pinned.containerd, [
    'github.com/containerd/containerd/v2/cmd/containerd',
    'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
  ]),
  released(
    'cni-plugins',
    pinned['cni-plugins'],
    ['main/bridge', 'main/loopback', 'ipam/host-local', 'meta/portmap'].map(
      (plugin) => `github.com/containernetworking/plugins/plugins/${plugin}`,
    ),
  ),
  own('coredns', { requires: { 'github.com/coredns/coredns': pinned.coredns } }),
  traefik(pinned.traefik),
  own('pause'),
  own('standin'),
  own('relay'),
  own('trivydb'),
  released('kubeconform', pinned.kubeconform, ['github.com/yannh/kubeconform/cmd/kubeconform']),
  released('kube-score', pinned['kube-score'], ['github.com/zegl/kube-score/cmd/kube-score']),
]

/** The version that the API server reports; without these flags it would call itself v0.0.0. */
function kubeVersionFlags(version: string): string {
  const [major, minor] = version.split('.')
  const variable = 'k8s.io/component-base/version'
  return `-X ${variable}.gitVersion=v${version} -X ${variable}.gitMajor=${major} -X ${variable}.gitMinor=${minor}`
}

/** Traefik embeds its built dashboard, which the module lacks: a copy of the module gets an empty one. */
function traefik(version: string): Artifact {
  const module = `github.com/traefik/traefik/v3@v${version}`
  return {
    name: 'traefik',
    outputs: ['traefik'],
    key: `${module} ${small}`,
    async build(into) {
      const copy = path.join(into, 'source')
      // The module cache is read-only, and so would be a plain copy of its folders.
      await execa('cp', ['-r', '--no-preserve=mode', await goModuleFolder(module), copy])
      await mkdir(path.join(copy, 'webui', 'static'), { recursive: true })
      await writeFile(path.join(copy, 'webui', 'static', 'index.html'), 'no dashboard\n')
      await go(['build', '-trimpath', '-ldflags', small, '-o', path.join(into, 'traefik'), './cmd/traefik'], {
        cwd: copy,
      })
    },
  }
}

/** versions.json is where a version is changed; a go.mod that disagrees would silently build another one. */
async function checkRequires(source: string, requires: Record<string, string>): Promise<void> {
  const file = path.join(source, 'go.mod')
  const text = await readFile(file, 'utf8')
  for (const [module, version] of Object.entries(requires)) {
    if (!text.includes(`${module} v${version}\n`)) {
      throw new MachineError(
        `versions.json pins ${module} at ${version}, but ${path.relative(process.cwd(), file)} does not require it: ` +
          `run \`go get ${module}@v${version} && go mod tidy\` there`,
      )
    }
  }
}

/** helm 3 takes its idea of a cluster's version, for `helm template`, from the build; its own releases set it so. */
function helm3Flags(): string {
  const [major, minor] = pinned.kube.split('.')
  const capabilities = 'helm.sh/helm/v3/pkg/chartutil'
  return [
    `-X helm.sh/helm/v3/internal/version.version=v${pinned.helm3}`,
    `-X ${capabilities}.k8sVersionMajor=${major}`,
    `-X ${capabilities}.k8sVersionMinor=${minor}`,
  ].join(' ')
}

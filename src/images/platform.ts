/** What a platform is called in an index, in a config and by the kubelet. */
interface Platform {
  os?: unknown
  architecture?: unknown
  variant?: unknown
}

/** Names for the same architecture, as containerd's platforms package normalises them. */
const ARCHITECTURES: Readonly<Record<string, [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  i386: ['386'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
}
/** Variants that every machine of the architecture has, and that are left out therefore. */
const BASE_VARIANTS = new Set(['amd64/v1', 'arm64/v8'])

/**
 * What a node of the first architecture runs besides its own, where an image has nothing better: containerd takes
 * 32-bit images then (containerd/platforms, compare.go).
 */
const ALSO_RUNS: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' }

/** `linux/arm/v7` for an object with `os`, `architecture` and perhaps `variant`; undefined when they say nothing. */
export function platformText(value: unknown): string | undefined {
  const { os, architecture, variant } = (typeof value === 'object' && value !== null ? value : {}) as Platform
  if (!isNamed(os) || !isNamed(architecture)) return undefined
  const name = architecture.toLowerCase()
  const [known, implied] = (Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined) ?? [name]
  const given = isNamed(variant) ? withV(variant.toLowerCase()) : implied
  const suffix = given === undefined || BASE_VARIANTS.has(`${known}/${given}`) ? '' : `/${given}`
  return `${os.toLowerCase()}/${known}${suffix}`
}

/**
 * Whether a node can run an image of a platform. Variants are not compared: a node does not tell which ones of arm or
 * amd64 it has, and a wrong no would be worse than none.
 */
export function canRun(node: string, image: string): boolean {
  const [nodeOs, own = ''] = node.split('/')
  const [imageOs, wanted] = image.split('/')
  return (
    nodeOs === imageOs && (own === wanted || (Object.hasOwn(ALSO_RUNS, own) && ALSO_RUNS[own] === wanted))
  )
}

/** Registries write these, and terminals show them: nothing but letters, digits and what joins them. */
function isNamed(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,40}$/.test(value) && value !== 'unknown'
}

/** Early builders wrote "7" for "v7". */
function withV(variant: string): string {
  return variant.startsWith('v') ? variant : `v${variant}`
}

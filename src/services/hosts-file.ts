import { isIPv6 } from 'node:net'

import { InvalidInputError } from '../errors.js'

/** One line of a hosts file: an address and the host it is for. */
export interface HostLine {
  address: string
  host: string
}

/** What k8sflow keeps in a hosts file for one context. */
export interface HostsBlock {
  /** Name of the context; empty inside a pod. */
  context: string
  /** The API server's URL, so that two clusters of one context name are noticed. */
  server: string
  lines: readonly HostLine[]
}

/** A host of ours that the file gives another address, outside of our block. */
export interface OtherAddress extends HostLine {
  /** Counted from 1. */
  line: number
}

const MARKER = /^[ \t]*#[ \t]*k8sflow[ \t]+(begin|end)(?:[ \t]+(\S+))?\s*$/
const ORIGIN = /^# (\S+), written by "k8sflow hosts"/

/** The block with its markers, lines ending with LF; empty when it holds no host. */
export function blockText({ context, server, lines }: HostsBlock): string {
  if (lines.length === 0) return ''
  const width = Math.max(...lines.map(({ address }) => address.length))
  return [
    marker('begin', context),
    `# ${ascii(server)}, written by "k8sflow hosts"; what is changed in here is lost`,
    ...lines.map(({ address, host }) => `${address.padEnd(width)} ${host}`),
    marker('end', context),
    '',
  ].join('\n')
}

/**
 * Puts the block where the one of its context is, or at the end; everything else stays as it is, line ends and a
 * missing last one too. A block without hosts is taken out.
 * @throws InvalidInputError when the markers do not pair up
 */
export function withBlock(text: string, block: HostsBlock): string {
  if (block.lines.length === 0) return withoutBlock(text, block.context)
  const lines = splitLines(text)
  const place = blocksIn(lines).get(markedName(block.context))
  const eol = lineEnd(text)
  const body = blockText(block).trimEnd().replaceAll('\n', eol)
  if (place) {
    const end = lines[place.to]?.endsWith('\n') === true ? eol : ''
    return [...lines.slice(0, place.from), body, end, ...lines.slice(place.to + 1)].join('')
  }
  return text === '' || text.endsWith('\n') ? `${text}${body}${eol}` : `${text}${eol}${body}`
}

/**
 * Takes out the block of a context; what {@link withBlock} made is then as it was before.
 * @throws InvalidInputError when the markers do not pair up
 */
export function withoutBlock(text: string, context: string): string {
  const lines = splitLines(text)
  const place = blocksIn(lines).get(markedName(context))
  if (!place) return text
  const before = lines.slice(0, place.from).join('')
  const after = lines.slice(place.to + 1).join('')
  // The file had no last line end, and the one before the block came with the block.
  if (lines[place.to]?.endsWith('\n') === false) return before.slice(0, -lineEnd(text).length || undefined)
  return before + after
}

/** The API server the block of this context was written for; undefined where there is none. */
export function blockServer(text: string, context: string): string | undefined {
  const lines = splitLines(text)
  const place = blocksIn(lines).get(markedName(context))
  return place && ORIGIN.exec(lines[place.from + 1] ?? '')?.[1]
}

/** Entries outside of the block that give one of its hosts an address the block does not. */
export function otherAddresses(text: string, block: HostsBlock): OtherAddress[] {
  const lines = splitLines(text)
  const place = blocksIn(lines).get(markedName(block.context))
  const ours = new Map<string, string[]>()
  for (const { address, host } of block.lines) ours.set(host, [...(ours.get(host) ?? []), canonical(address)])
  return lines.flatMap((line, index) => {
    if (place && index >= place.from && index <= place.to) return []
    const [address = '', ...names] = line.replace(/#.*/s, '').trim().split(/\s+/)
    return names
      .map((name) => name.toLowerCase())
      .filter((host) => ours.get(host)?.includes(canonical(address)) === false)
      .map((host) => ({ line: index + 1, address, host }))
  })
}

/** As it stands in the block: the server's URL in ASCII, whatever the kubeconfig has. */
export function ascii(server: string): string {
  return URL.canParse(server) ? new URL(server).href.replace(/\/$/, '') : markedName(server)
}

function marker(kind: 'begin' | 'end', context: string): string {
  return `# k8sflow ${kind} ${markedName(context)}`.trimEnd()
}

/** A context's name as one printable word, for names may hold anything. */
function markedName(context: string): string {
  return [...Buffer.from(context)]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`,
    )
    .join('')
}

function blocksIn(lines: readonly string[]): Map<string, { from: number; to: number }> {
  const blocks = new Map<string, { from: number; to: number }>()
  let open: { name: string; from: number } | undefined
  lines.forEach((line, index) => {
    const [, kind, name = ''] = MARKER.exec(line) ?? []
    if (kind === 'begin') {
      if (open) throw damaged(index, `it begins a block inside the one of line ${String(open.from + 1)}`)
      if (blocks.has(name)) throw damaged(index, 'it begins a second block of this name')
      open = { name, from: index }
    } else if (kind === 'end') {
      if (open?.name !== name) throw damaged(index, 'it ends a block that does not begin')
      blocks.set(name, { from: open.from, to: index })
      open = undefined
    }
  })
  if (open) throw damaged(open.from, 'the block it begins has no end')
  return blocks
}

function damaged(index: number, what: string): InvalidInputError {
  return new InvalidInputError(
    `The k8sflow markers are damaged at line ${String(index + 1)}: ${what}. Nothing was changed.`,
    {
      code: 'HOSTS_FILE_DAMAGED',
      suggestions: [
        'Each "# k8sflow begin NAME" needs its "# k8sflow end NAME": repair that, or delete both with the lines between, by hand.',
      ],
      data: { line: index + 1 },
    },
  )
}

/** Lines with their ends. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? []
}

function lineEnd(text: string): '\n' | '\r\n' {
  const [first] = /\r?\n/.exec(text) ?? [text.endsWith('\r') ? '\r\n' : '\n']
  return first === '\r\n' ? '\r\n' : '\n'
}

/** IPv6 addresses can be written in several ways. */
function canonical(address: string): string {
  if (!isIPv6(address)) return address
  const url = `http://[${address}]`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address.toLowerCase()
}

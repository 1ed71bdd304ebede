/** The way of a request, in its order: each hop can only work where those before it do. */
export const HOPS = ['name', 'address', 'port', 'ingress', 'tls', 'route', 'app'] as const
export type Hop = (typeof HOPS)[number]

/** What was found at one hop. */
export interface HopResult {
  hop: Hop
  /** What was looked at: the name, an address, `203.0.113.7:443`, or a URL. */
  where: string
  /** `unknown`: it could not be told from here, and the hops after it were looked at. */
  verdict: 'good' | 'unknown' | 'failed'
  text: string
  /** What to do, one sentence per entry. */
  advice: string[]
}

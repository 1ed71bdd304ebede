const FACTORS = new Map([
  ['n', 1e-9],
  ['u', 1e-6],
  ['m', 1e-3],
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['E', 1e18],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
  ['Pi', 2 ** 50],
  ['Ei', 2 ** 60],
])

/**
 * The number a Kubernetes quantity stands for: cores of `250m`, bytes of `2Mi`. The API writes one in whatever unit keeps
 * it whole and short, so 2048Ki come as 2Mi. Undefined for what is not a quantity. Source: apimachinery's resource.Quantity.
 */
export function parseQuantity(quantity: string): number | undefined {
  const [, digits, suffix] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(quantity) ?? []
  const factor = suffix === undefined ? undefined : FACTORS.get(suffix)
  return factor === undefined ? undefined : Number(digits) * factor
}

import { expect } from 'chai'

import { table } from '../../../src/output/table.js'

const HEADINGS = ['APP', 'WHERE', 'TEXT']
const ROWS = [
  ['app1', 'it', 'twenty-five characters !!'],
  ['app2', 'somewhere', '\u001b[31mshort\u001b[39m'],
]
const lines = async (fit: Parameters<typeof table>[2]) => (await table(HEADINGS, ROWS, fit)).split('\n')
const WHOLE = [
  'APP   WHERE      TEXT',
  'app1  it         twenty-five characters !!',
  'app2  somewhere  \u001b[31mshort\u001b[39m',
]

describe('a table', () => {
  it('is whole where it is piped, and where there is room', async () => {
    const fit = { cut: 'TEXT', optional: ['WHERE'] }
    expect(await lines({ ...fit, width: 42 })).to.deep.equal(WHOLE)
    expect(await lines({ ...fit, width: Number.POSITIVE_INFINITY })).to.deep.equal(WHOLE)
    expect(await lines({ width: 10 })).to.deep.equal(WHOLE)
  })

  it('asks stdout how much room there is, but only a terminal', async () => {
    const { isTTY, columns } = process.stdout
    const shown = async (terminal: boolean) => {
      Object.assign(process.stdout, { isTTY: terminal, columns: 33 })
      try {
        return await lines({ cut: 'TEXT' })
      } finally {
        Object.assign(process.stdout, { isTTY, columns })
      }
    }
    expect((await shown(true))[1]).to.equal('app1  it         twenty-five cha…')
    expect(await shown(false)).to.deep.equal(WHOLE)
  })

  it('cuts one column in a terminal that is too narrow, down to what can be read', async () => {
    const cut = await lines({ cut: 'TEXT', optional: ['WHERE'], width: 33 })
    expect(cut.slice(0, 2)).to.deep.equal(['APP   WHERE      TEXT', 'app1  it         twenty-five cha…'])
    expect(cut[2]).to.equal(WHOLE[2])
    expect(await lines({ cut: 'TEXT', width: 32 })).to.deep.equal(WHOLE)
  })

  it('then leaves columns out, and says so, but only if lines do not wrap for it', async () => {
    const fit = { cut: 'TEXT', optional: ['WHERE'] }
    expect(await lines({ ...fit, width: 32 })).to.deep.equal([
      'APP   TEXT',
      'app1  twenty-five characters !!',
      'app2  \u001b[31mshort\u001b[39m',
      'No room for WHERE: widen the terminal, or add | cat',
    ])
    expect((await lines({ ...fit, width: 22 }))[1]).to.equal('app1  twenty-five cha…')
    expect(await lines({ ...fit, width: 21 })).to.deep.equal(WHOLE)
  })
})

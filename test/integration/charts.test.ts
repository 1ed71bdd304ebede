import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { ROOT } from '../commands/harness.js'

/** `npm run build` must have run. */
const FILE = join(ROOT, 'dist', 'echarts.cjs')

describe('the charts of the bundle', () => {
  it('are drawn by a file that needs no package', () => {
    const { renderSvg } = createRequire(import.meta.url)(FILE) as {
      renderSvg: (option: object, size: object) => string
    }
    const option = {
      xAxis: { type: 'value' },
      yAxis: {},
      series: [
        {
          type: 'line',
          data: [
            [0, 1],
            [5, 2],
          ],
        },
      ],
    }
    expect(renderSvg(option, { width: 300, height: 200 })).to.match(/^<svg [^]*<path [^]*<\/svg>$/)
    const packages = [...readFileSync(FILE, 'utf8').matchAll(/\brequire\("([^"]+)"\)/g)].map(
      ([, name]) => name,
    )
    expect(packages).to.deep.equal([])
  })

  it('come with the licences of what they are made of', () => {
    const text = readFileSync(`${FILE}.LICENSES.txt`, 'utf8')
    for (const part of [
      'echarts: Apache-2.0',
      'Apache License',
      'The Apache Software Foundation',
      'zrender: BSD-3-Clause',
      'Baidu',
      'tslib: 0BSD',
    ])
      expect(text).to.include(part)
    expect(readFileSync(FILE, 'utf8').slice(0, 300)).to.include('echarts.cjs.LICENSES.txt')
  })
})

import { expect } from 'chai'

import { canRun, platformText } from '../../../src/images/platform.js'

describe('platforms', () => {
  it('spells platforms one way', () => {
    const text = (architecture: string, variant?: string) =>
      platformText({ os: 'linux', architecture, variant })
    expect(text('x86_64')).to.equal('linux/amd64')
    expect(text('amd64', 'v1')).to.equal('linux/amd64')
    expect(text('amd64', 'v3')).to.equal('linux/amd64/v3')
    expect(text('aarch64', '8')).to.equal('linux/arm64')
    expect(text('armhf')).to.equal('linux/arm/v7')
    expect(text('arm', '6')).to.equal('linux/arm/v6')
    expect(text('arm')).to.equal('linux/arm')
    expect(text('constructor')).to.equal('linux/constructor')
    expect(text('')).to.equal(undefined)
    for (const name of ['amd64\u001b[2J', 'a b', 'a'.repeat(99)]) expect(text(name), name).to.equal(undefined)
    expect(text('arm', 'v7\n')).to.equal('linux/arm')
  })

  it('knows what a node runs', () => {
    const pairs: [node: string, image: string, runs: boolean][] = [
      ['linux/arm64', 'linux/arm64', true],
      ['linux/arm64', 'linux/amd64', false],
      ['linux/amd64', 'linux/arm64', false],
      ['linux/amd64', 'windows/amd64', false],
      ['linux/amd64', 'linux/amd64/v3', true],
      ['linux/arm', 'linux/arm/v6', true],
      ['linux/arm', 'linux/arm64', false],
      ['linux/arm64', 'linux/arm/v7', true],
      ['linux/amd64', 'linux/386', true],
      ['linux/386', 'linux/amd64', false],
      ['linux/riscv64', 'linux/riscv64', true],
    ]
    for (const [node, image, runs] of pairs) expect(canRun(node, image), `${image} on ${node}`).to.equal(runs)
  })
})

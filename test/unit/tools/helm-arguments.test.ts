import { expect } from 'chai'

import { templateArguments } from '../../../src/tools/helm-arguments.js'

const argumentsFor = (...files: string[]) =>
  templateArguments({ release: 'app1', chart: 'helm', files }).slice(3)

describe('values files on helm’s command line', () => {
  it('are named as they are', () => {
    expect(argumentsFor('-', "my dir/it's.yml")).to.deep.equal(['-f', '-', '-f', "my dir/it's.yml"])
  })

  it('are quoted where helm would read a list', () => {
    expect(argumentsFor("my dir/va'l,ues.yml")).to.deep.equal(['-f', `"my dir/va'l,ues.yml"`])
    expect(argumentsFor('a"b.yml')).to.deep.equal(['-f', '"a""b.yml"'])
  })
})

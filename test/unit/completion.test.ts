import { expect } from 'chai'

import { type CompletedCommand, fishCompletion, zshCompletion } from '../../scripts/completion.js'

const flag = (name: string, takesValue: boolean) => ({ name, char: undefined, summary: '', takesValue })
const commands: CompletedCommand[] = [
  { words: ['gitops'], summary: '', flags: [flag('values', true), flag('environment', true)] },
  { words: ['gitops', 'open'], summary: '', flags: [flag('port', true)] },
  { words: ['hosts'], summary: '', flags: [flag('write', false)] },
]

describe('shell completion', () => {
  it('offers files after the flags that name one, in zsh and fish', () => {
    const zsh = zshCompletion(commands, {})
    expect(zsh).to.include(':values:_files').and.include(':environment:(production staging)')
    expect(zsh).to.include("'*--write[]'")
    const fish = fishCompletion(commands, {})
    expect(fish).to.include('-l values -r -F').and.include('-l port -x')
    expect(fish).to.match(/-l write -d/)
  })
})

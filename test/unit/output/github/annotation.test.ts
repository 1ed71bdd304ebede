import { expect } from 'chai'
import fc from 'fast-check'

import {
  type Annotation,
  annotationLine,
  shownAnnotations,
} from '../../../../src/output/github/annotation.js'
import { parseCommand } from './runner.js'

describe('annotations', () => {
  it('have the form that the runner reads', () => {
    const annotation: Annotation = {
      level: 'error',
      message: '100% of it\nis wrong: a, b',
      title: 'k8sflow validate',
      file: 'deploy/a,b:c.yml',
      line: 4,
      column: 7,
      endLine: 4,
      endColumn: 9,
    }
    expect(annotationLine(annotation)).to.equal(
      '::error file=deploy/a%2Cb%3Ac.yml,line=4,endLine=4,col=7,endColumn=9,title=k8sflow validate' +
        '::100%25 of it%0Ais wrong: a, b',
    )
    expect(annotationLine({ level: 'notice', message: '' })).to.equal('::notice::')
  })

  it('come out of the runner as they went in, whatever they say', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(
        '::',
        '\n',
        '\r\n',
        '%',
        '%25',
        '%0A',
        '%250D',
        ',',
        '=',
        ':',
        '##[error]',
        '::set-output name=a::b',
        '::stop-commands::x',
      ),
    )
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, text, text, fc.nat(), (message, title, file, line) => {
        const written = annotationLine({ level: 'warning', message, title, file, line })
        expect(written).to.not.match(/[\r\n]/)
        const command = parseCommand(written)!
        expect(command.name).to.equal('warning')
        expect(command.data).to.equal(readable(message))
        // The runner has no escape for = and drops those a value begins with, and white space around them all.
        const property = (value: string) => readable(value).replace(/^=+/, '')
        expect(command.properties['file'] ?? '').to.equal(property(file))
        expect((command.properties['title'] ?? '').trimEnd()).to.equal(property(title).trimEnd())
        expect(command.properties['line']).to.equal(String(line))
        expect(Object.keys(command.properties)).to.have.lengthOf.at.most(3)
      }),
      { numRuns: 500 },
    )
  })

  it('have no colours and no control characters', () => {
    expect(annotationLine({ level: 'error', message: '\u001B[31mred\u001B[0m!\u0007\tx' })).to.equal(
      '::error::red!�\tx',
    )
  })

  it('are cut where the runner would cut them, and not within a character', () => {
    const { data } = parseCommand(annotationLine({ level: 'error', message: 'a😀'.repeat(2000) }))!
    expect(data.length).to.be.within(4090, 4096)
    expect(data).to.match(/😀…$|a…$/)
  })

  it('are sorted, each once, and of many the last says how many more there are', () => {
    const at = (file: string, line: number, level: Annotation['level'] = 'error'): Annotation => ({
      level,
      message: 'no',
      file,
      line,
      title: 't',
    })
    const several = shownAnnotations([
      at('b', 1),
      at('a', 10),
      at('a', 2, 'warning'),
      { level: 'error', message: 'no place' },
      at('a', 2),
      at('a', 2),
    ])
    expect(
      several.map(({ level, file, line }) => `${level} ${file ?? '-'} ${String(line ?? '-')}`),
    ).to.deep.equal(['error a 2', 'error a 10', 'error b 1', 'error - -', 'warning a 2'])
    const ten = Array.from({ length: 10 }, (_, line) => at('a', line))
    expect(shownAnnotations(ten)).to.have.lengthOf(10)
    const many = shownAnnotations([...ten, at('b', 1), at('b', 2, 'notice')])
    expect(many.map(({ level }) => level)).to.deep.equal([...Array<string>(10).fill('error'), 'notice'])
    expect(many[9]).to.deep.equal({
      level: 'error',
      message: 'and 2 more; see the log and the job summary',
      title: 't',
    })
  })
})

/** What is left of a text in an annotation: the line breaks are one kind, other control characters are visible. */
function readable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/(?![\t\n])\p{Cc}/gu, '�')
}

// Dependencies point one way: commands → services → values, tools, images, cluster, pki (docs/decisions/0003).
const below = (from, to, comment) => ({
  name: `${from}-not-to-${to}`,
  severity: 'error',
  comment,
  from: { path: `^src/${from}/` },
  to: { path: `^src/${to}/` },
})

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/(main|commands/|hooks/)' },
      to: {},
    },
    ...['values', 'tools', 'images', 'cluster', 'pki'].flatMap((from) =>
      ['commands', 'services', 'output', 'prompts'].map((to) =>
        below(from, to, 'The lower layers know nothing of the upper ones.'),
      ),
    ),
    ...['commands', 'output', 'prompts'].map((to) =>
      below('services', to, 'Services never print or prompt; progress and questions come in as functions.'),
    ),
    below('values', 'tools', 'src/values is pure.'),
    below('values', 'cluster', 'src/values is pure.'),
    below('values', 'images', 'src/values is pure.'),
    below('values', 'pki', 'src/values is pure.'),
    ...['tools', 'images', 'cluster'].flatMap((other) => [
      below('pki', other, 'src/pki makes certificates out of its arguments alone.'),
      below(other, 'pki', 'Only services know of certificates that are made.'),
    ]),
    ...['services', 'commands'].map((to) =>
      below('output', to === 'services' ? 'prompts' : 'commands', 'Output renders results and asks nothing.'),
    ),
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      // ECharts is in the bundle (docs/decisions/0013), which is all that is started of a package.
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], pathNot: '^node_modules/echarts/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}

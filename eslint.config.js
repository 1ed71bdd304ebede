import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['bin/', 'scripts/bundle/', 'dist/', 'coverage/', '.cache/', 'helm/', 'samples/'] },
  ...tseslint.configs.strict,
  {
    rules: {
      complexity: ['error', 15],
      'max-params': ['error', 4],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  {
    // One runner starts every process; one module asks questions; only bin and the outermost layer may exit.
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'execa', message: 'Only src/tools/runner.ts starts processes.' },
            { name: 'node:child_process', message: 'Only src/tools/runner.ts starts processes.' },
            { name: 'inquirer', message: 'Only src/prompts asks questions.' },
          ],
        },
      ],
      'no-restricted-properties': ['error', { object: 'process', property: 'exit' }],
    },
  },
  { files: ['src/tools/runner.ts', 'src/prompts/*.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      complexity: 'off',
    },
  },
  { files: ['scripts/**', 'bench/**', 'bin/**', 'test/cluster/**'], rules: { 'no-console': 'off' } },
)

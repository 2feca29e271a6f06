import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Which folder may import which: the architecture as a lint rule (ARCHITECTURE.md). */
const forbid = (files, ...groups) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: groups.map((group) => ({
          group: [group],
          message: 'This folder must not know that one (ARCHITECTURE.md).',
        })),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'coverage', 'demo-output', 'test-output', 'data'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  { files: ['*.js'], ...tseslint.configs.disableTypeChecked },
  forbid(
    ['src/domain/**'],
    '**/extract/**',
    '**/transform/**',
    '**/load/**',
    '**/alerts/**',
    '**/service/**',
    '**/commands/**',
    'node:fs*',
    'node:net',
    'node:http*',
    'pg',
    'axios',
    'kysely',
  ),
  forbid(
    ['src/extract/**'],
    '**/transform/**',
    '**/load/**',
    '**/alerts/**',
    '**/service/**',
    '**/commands/**',
    'pg',
    'kysely',
  ),
  forbid(
    ['src/transform/**'],
    '**/load/**',
    '**/alerts/**',
    '**/extract/**',
    '**/service/**',
    '**/commands/**',
    'node:fs*',
    'node:net',
    'node:http*',
    'pg',
    'axios',
    'kysely',
  ),
  forbid(['src/load/**'], '**/extract/**', '**/alerts/**', '**/service/**', '**/commands/**', 'axios'),
  forbid(['src/alerts/**'], '**/extract/**', '**/transform/**', '**/service/**', '**/commands/**', 'csv-parse'),
);

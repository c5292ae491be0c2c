/**
 * Builds the package into `dist`: the compiler's scripts and declarations. The types of the API derive from the collector's own
 * definitions; here they are spelt out, so that the package needs neither those nor zod.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';

const HERE = import.meta.dirname;
const SOURCE = join(HERE, 'src');
const TARGET = join(HERE, 'dist');
/** Its types are spelt out, each as a name where a later one has it within. */
const SPELT = join(SOURCE, 'types.ts');

const config = ts.getParsedCommandLineOfConfigFile(
  join(dirname(HERE), 'tsconfig.json'),
  { declaration: true, incremental: false, tsBuildInfoFile: null, sourceMap: false },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: report },
);
const program = ts.createProgram([join(SOURCE, 'index.ts')], config.options);
const checker = program.getTypeChecker();

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET);
for (const file of program.getSourceFiles()) {
  if (dirname(file.fileName) !== SOURCE) continue;
  ts.getPreEmitDiagnostics(program, file).forEach(report);
  program.emit(file, (path, text) => {
    const isSpelt = file.fileName === SPELT && path.endsWith('.d.ts');
    writeFileSync(join(TARGET, basename(path)), isSpelt ? spellOut(file) : text);
  });
}

function spellOut(file) {
  const known = [];
  let spelt = '';
  for (const node of file.statements.filter(ts.isTypeAliasDeclaration)) {
    const name = node.name.text;
    const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
    let text = checker.typeToString(checker.getTypeAtLocation(node.name), undefined, flags);
    for (const [name, type] of known) text = text.replaceAll(type, name);
    known.push([name, text]);
    const [comment] = ts.getJSDocCommentsAndTags(node);
    spelt += `${comment?.getText() ?? ''}\nexport type ${name} = ${text};\n`;
  }
  return ts.createPrinter().printFile(ts.createSourceFile('types.d.ts', spelt, ts.ScriptTarget.Latest));
}

function report(diagnostic) {
  throw new Error(ts.formatDiagnostic(diagnostic, ts.createCompilerHost({})));
}

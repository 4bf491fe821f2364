// Builds what browsers get from npm packages and qixia/ui/assets: node scripts/build_assets.mjs <output folder>.
// Called by `python -m qixia.ui.assets`, which decides whether a build is needed and swaps the folder in.
// No bundler: style sheets are joined, Bootstrap loses the rules that no page names, scripts are copied.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postcss from 'postcss';
import { PurgeCSS } from 'purgecss';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const OUT = join(process.argv[2], 'ui');
const ASSETS = join(ROOT, 'qixia/ui/assets');
const MODULES = join(ROOT, 'node_modules');
const read = (...parts) => readFileSync(join(...parts), 'utf8');

function write(name, text) {
  const path = join(OUT, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

// ── style sheets ──────────────────────────────────────────────────────────────
function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['tests', 'migrations', 'assets', '__pycache__'].includes(entry.name)) yield* sources(path);
    } else if (['.html', '.js'].includes(extname(path)) || /(templatetags\/.*|forms|widgets)\.py$/.test(path)) {
      yield path;
    }
  }
}

// The words that may be selectors: element names and what stands in class="…", template tags inside included; in
// scripts, what stands in quotes. Plain text is left out, or every "table" in a comment would keep Bootstrap's.
const CLASSES = /class="((?:[^"{]|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\})*)"/g;
const QUOTED = /'([^'\n]*)'|"([^"\n]*)"|`([^`]*)`/g;

function words(path) {
  const text = readFileSync(path, 'utf8');
  const found = [...text.matchAll(path.endsWith('.html') ? CLASSES : QUOTED)].map((match) => match.slice(1).join(' '));
  const elements = [...text.matchAll(/<([a-z][a-z0-9]*)/g)].map((match) => match[1]);
  return [...found, ...elements].join(' ');
}

// Parts that Qixia draws itself; their names stand in our scripts as plain words.
const OURS = [/^\.(toast|progress|nav|mark|modal|tooltip|popover|carousel|offcanvas|accordion|collapse|dropdown)/];

async function bootstrap(own) {
  const [result] = await new PurgeCSS().purge({
    content: [...sources(join(ROOT, 'qixia'))].map((path) => ({ raw: words(path), extension: 'html' })),
    css: [{ raw: read(MODULES, 'bootstrap/dist/css/bootstrap.min.css') }, { raw: own }], // own: its variables are in use
    safelist: ['html', 'body', 'is-invalid', 'invalid-feedback', 'visually-hidden', 'data-bs-theme', 'light', 'dark'],
    blocklist: OURS,
    keyframes: true,
    variables: true,
  });
  return result.css.replace(/\/\*[\s\S]*?\*\//g, '');
}

// Takes spaces and comments out; touches no value.
function compact(css) {
  const root = postcss.parse(css);
  root.walkComments((node) => node.remove());
  root.walk((node) => {
    node.raws.before = '';
    node.raws.after = '';
    if (node.type === 'decl') {
      node.raws.between = ':';
      node.raws.important = node.important ? '!important' : undefined;
      node.value = node.value.replace(/\s+/g, ' ').trim();
    } else {
      node.raws.between = '';
      node.raws.semicolon = false;
      if (node.selector) node.selector = node.selector.replace(/\s+/g, ' ').replace(/ ?([>,+~]) ?/g, '$1');
      if (node.params) node.params = node.params.replace(/\s+/g, ' ').replace(/: /g, ':');
    }
  });
  root.raws.after = '';
  return root.toString();
}

async function stylesheets() {
  const own = Object.fromEntries(
    ['tokens', 'base', 'rider', 'console', 'public', 'style', 'admin'].map((name) => [name, compact(read(ASSETS, `${name}.css`))]),
  );
  const ground = (await bootstrap(Object.values(own).join(''))) + own.tokens + own.base;
  write('rider.css', ground + own.rider);
  write('console.css', ground + own.rider + own.console + own.public + own.style);
  write('public.css', ground + own.public);
  write('admin.css', own.tokens + own.admin);
}

// ── one sprite of all icons ───────────────────────────────────────────────────
function icon(name) {
  const svg = read(MODULES, '@tabler/icons/icons/outline', `${name}.svg`);
  const body = svg.replace(/<!--[\s\S]*?-->/g, '').replace(/^[\s\S]*?<svg[^>]*>/, '').replace('</svg>', '');
  const shapes = body.replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, '').replace(/\s*\n\s*/g, '').replace(/ \/>/g, '/>');
  return `<symbol id="i-${name}" viewBox="0 0 24 24">${shapes.trim()}</symbol>`;
}

function sprite() {
  const names = read(ASSETS, 'icons.txt').split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
  const glyphs = read(ASSETS, 'glyphs.svg').replace(/<!--[\s\S]*?-->/g, '').replace(/<\/?svg[^>]*>/g, '').replace(/\n/g, '');
  write('sprite.svg', `<svg xmlns="http://www.w3.org/2000/svg">${glyphs}${names.map(icon).join('')}</svg>`);
}

// ── scripts of others ─────────────────────────────────────────────────────────
// The line that names a source map is dropped: the map is not shipped, and hashing of names would look for it.
const script = (from, to) => write(to, read(MODULES, from).replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));

function vendor() {
  script('htmx.org/dist/htmx.min.js', 'vendor/htmx.min.js');
  script('jsqr/dist/jsQR.js', 'vendor/jsqr.js');
  script('lean-qr/nano.mjs', 'vendor/lean-qr.js');
  script('@noble/ed25519/index.js', 'vendor/ed25519.js');
  script('leaflet/dist/leaflet.js', 'vendor/leaflet/leaflet.js');
  write('vendor/leaflet/leaflet.css', compact(read(MODULES, 'leaflet/dist/leaflet.css')));
  cpSync(join(MODULES, 'leaflet/dist/images'), join(OUT, 'vendor/leaflet/images'), { recursive: true });
}

await stylesheets();
sprite();
vendor();

/**
 * The state of a context: certificates, keys and settings, checked when set.
 */

import { show } from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import type {
  Credentials,
  PreparedCredentials,
  TlsLibrary,
  TlsVersion,
} from "../runtime/node_tls.ts";
import { type Certificate, sameBytes } from "./certificate.ts";
import {
  CERT_NONE,
  CERT_OPTIONAL,
  CERT_REQUIRED,
  PROTOCOL_TLS_CLIENT,
  PROTOCOL_TLS_SERVER,
  Purpose,
  TLSVersion,
} from "./constants.ts";
import { SSL_ERROR_SSL, SSLError } from "./errors.ts";
import { checkPassword, type Password, readText } from "./loading.ts";
import {
  CERTIFICATES_IN_FILES,
  certificatesIn,
  type PemBlock,
  pemBlocks,
  toPem,
} from "./pem.ts";
import { protocolError } from "./tls_errors.ts";

const { MINIMUM_SUPPORTED, MAXIMUM_SUPPORTED, TLSv1_2, TLSv1_3 } = TLSVersion;

const KEY_LABELS = [
  "PRIVATE KEY",
  "ENCRYPTED PRIVATE KEY",
  "RSA PRIVATE KEY",
  "EC PRIVATE KEY",
  "DSA PRIVATE KEY",
];

/**
 * The maximum number of chains that are remembered for resumed sessions, with
 * about 100 bytes for each. A client whose chain was dropped is refused until
 * its ticket expires.
 */
const MAX_TRUSTED = 10_000;

/** The smallest RSA key that OpenSSL 3 accepts at its default level. */
const MIN_RSA_BITS = 2048;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

/**
 * The settings of a context. Keys are in private fields, which are not printed.
 */
export class Settings {
  readonly protocol: number;
  #checkHostname: boolean;
  #verifyMode: number;
  #minVersion: number = TLSv1_2;
  #maxVersion: number = MAXIMUM_SUPPORTED;
  #checksCommonName = true;
  #protocols: readonly string[] = [];
  #certificate: string | undefined;
  #key: string | undefined;
  readonly #roots: Certificate[] = [];
  #defaultRoots = false;
  #prepared: PreparedCredentials | undefined;
  /** The digests of the chains that were verified, the oldest first. */
  readonly #trusted = new Set<string>();

  constructor(protocol: number) {
    if (protocol !== PROTOCOL_TLS_CLIENT && protocol !== PROTOCOL_TLS_SERVER) {
      throw new RangeError(
        `Cannot make a context: protocol must be PROTOCOL_TLS_CLIENT or PROTOCOL_TLS_SERVER, received ${
          show(protocol)
        }`,
      );
    }
    this.protocol = protocol;
    this.#checkHostname = protocol === PROTOCOL_TLS_CLIENT;
    this.#verifyMode = this.#checkHostname ? CERT_REQUIRED : CERT_NONE;
  }

  get checkHostname(): boolean {
    return this.#checkHostname;
  }

  set checkHostname(on: boolean) {
    this.#checkHostname = checkBoolean("check_hostname", on);
    if (on && this.#verifyMode === CERT_NONE) this.#verifyMode = CERT_REQUIRED;
  }

  get verifyMode(): number {
    return this.#verifyMode;
  }

  set verifyMode(mode: number) {
    if (
      mode !== CERT_NONE && mode !== CERT_OPTIONAL && mode !== CERT_REQUIRED
    ) {
      throw new RangeError(
        `Cannot set verify_mode: it must be CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED, received ${
          show(mode)
        }`,
      );
    }
    if (mode === CERT_NONE && this.#checkHostname) {
      throw new RangeError(
        "Cannot set verify_mode to CERT_NONE when check_hostname is enabled",
      );
    }
    this.#verifyMode = mode;
  }

  get minVersion(): number {
    return this.#minVersion;
  }

  set minVersion(version: number) {
    this.#minVersion = checkVersion("minimum_version", version);
    this.#prepared = undefined;
  }

  get maxVersion(): number {
    return this.#maxVersion;
  }

  set maxVersion(version: number) {
    this.#maxVersion = checkVersion("maximum_version", version);
    this.#prepared = undefined;
  }

  get checksCommonName(): boolean {
    return this.#checksCommonName;
  }

  set checksCommonName(on: boolean) {
    this.#checksCommonName = checkBoolean("hostname_checks_common_name", on);
  }

  get protocols(): readonly string[] {
    return this.#protocols;
  }

  setProtocols(protocols: Iterable<string>): void {
    if (typeof protocols === "string") {
      throw new TypeError(
        "Cannot set ALPN protocols: they must be a list, received a string",
      );
    }
    const names = [...protocols];
    for (const name of names) {
      if (typeof name !== "string") {
        throw new TypeError(
          `Cannot set ALPN protocols: each must be a string, received ${
            show(name)
          }`,
        );
      }
      const { length } = new TextEncoder().encode(name);
      if (length === 0 || length > 255) {
        throw new SSLError(
          SSL_ERROR_SSL,
          "ALPN protocols must be 1 to 255 in length",
        );
      }
    }
    this.#protocols = names;
  }

  get hasCertificate(): boolean {
    return this.#certificate !== undefined;
  }

  get roots(): readonly Certificate[] {
    return this.#roots;
  }

  get usesDefaultRoots(): boolean {
    return this.#defaultRoots;
  }

  /**
   * Returns whether a chain was verified in a handshake with these roots. When
   * a client resumes a session, the runtime does not verify its chain again.
   */
  hasTrusted(digest: string): boolean {
    return this.#trusted.has(digest);
  }

  trust(digest: string): void {
    this.#trusted.delete(digest);
    this.#trusted.add(digest);
    const [oldest] = this.#trusted;
    if (this.#trusted.size > MAX_TRUSTED) this.#trusted.delete(oldest!);
  }

  useDefaultRoots(purpose: Purpose): void {
    if (!Object.values(Purpose).includes(purpose)) {
      throw new TypeError(
        `Cannot load certificates: purpose must be a Purpose, received ${
          show(purpose)
        }`,
      );
    }
    this.#defaultRoots = true;
    this.#prepared = undefined;
  }

  loadChain(
    certfile: string,
    keyfile: string | null,
    password: Password | null,
  ): void {
    const certificates = readText(certfile);
    const keys = keyfile === null ? certificates : readText(keyfile);
    const crypto = process.getBuiltinModule("node:crypto");
    let chain: Uint8Array[];
    let leaf: InstanceType<typeof crypto.X509Certificate> | undefined;
    let key: PemBlock | undefined;
    let privateKey: ReturnType<typeof crypto.createPrivateKey>;
    try {
      chain = certificatesIn(certificates, CERTIFICATES_IN_FILES);
      [leaf] = chain.map((der) => new crypto.X509Certificate(der));
      [key] = pemBlocks(keys, KEY_LABELS);
    } catch {
      throw pemError();
    }
    if (leaf === undefined || key === undefined) throw pemError();
    const passphrase = isEncrypted(key.text) ? passwordFrom(password) : null;
    try {
      privateKey = crypto.createPrivateKey({
        key: key.text,
        ...(passphrase === null ? {} : { passphrase }),
      });
    } catch {
      // The error is not kept: it may reveal more of the key than a log should.
      throw pemError();
    }
    if (!leaf.checkPrivateKey(privateKey)) {
      throw new SSLError(SSL_ERROR_SSL, "key values mismatch", {
        library: "X509",
        reason: "KEY_VALUES_MISMATCH",
      });
    }
    checkKey(privateKey.asymmetricKeyType, privateKey.asymmetricKeyDetails);
    this.#certificate = chain.map(toPem).join("");
    this.#key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    this.#prepared = undefined;
  }

  addRoots(certificates: readonly Certificate[]): void {
    for (const root of certificates) {
      const known = this.#roots.some(({ der }) => sameBytes(der, root.der));
      if (!known) this.#roots.push(root);
    }
    this.#prepared = undefined;
  }

  /** Returns the credentials for `node:tls`, which a change makes anew. */
  prepare(library: TlsLibrary): PreparedCredentials {
    this.#prepared ??= library.prepare(this.#credentials());
    return this.#prepared;
  }

  #credentials(): Credentials {
    const minVersion = versionName(this.#minVersion);
    const maxVersion = versionName(this.#maxVersion);
    if (minVersion > maxVersion) throw protocolError("NO_PROTOCOLS_AVAILABLE");
    return {
      certificate: this.#certificate,
      key: this.#key,
      roots: this.#roots.map(({ der }) => toPem(der)),
      defaultRoots: this.#defaultRoots,
      minVersion,
      maxVersion,
    };
  }
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(
    `Cannot set ${name}: it must be a boolean, received ${show(value)}`,
  );
}

const VERSIONS = [MINIMUM_SUPPORTED, MAXIMUM_SUPPORTED, TLSv1_2, TLSv1_3];
const OLD_VERSIONS: Readonly<Record<number, string>> = {
  0x300: "SSLv3",
  0x301: "TLSv1",
  0x302: "TLSv1_1",
};

function checkVersion(name: string, version: number): number {
  if (VERSIONS.includes(version)) return version;
  const old = OLD_VERSIONS[version];
  if (old !== undefined) {
    throw osError(
      "EOPNOTSUPP",
      `${name} ${old}: Deno has TLS 1.2 and 1.3 only`,
    );
  }
  throw new RangeError(
    `Cannot set ${name}: it must be a TLSVersion, received ${show(version)}`,
  );
}

/** Converts a limit to a version; there are only 1.2 and 1.3. */
function versionName(version: number): TlsVersion {
  return version === TLSv1_2 || version === MINIMUM_SUPPORTED
    ? "TLSv1.2"
    : "TLSv1.3";
}

function pemError(): SSLError {
  return new SSLError(SSL_ERROR_SSL, "PEM lib", { library: "SSL" });
}

function isEncrypted(pem: string): boolean {
  return pem.includes("ENCRYPTED");
}

/** Returns the password of an encrypted key, which has to be given. */
function passwordFrom(password: Password | null): string {
  const value = typeof password === "function" ? password() : password;
  if (value === null) {
    throw new TypeError(
      "Cannot load a certificate chain: the key is encrypted, and password is missing",
    );
  }
  const checked = checkPassword(value);
  return typeof checked === "string"
    ? checked
    : new TextDecoder().decode(checked);
}

function checkKey(
  type: string | undefined,
  details:
    | { modulusLength?: number | undefined; namedCurve?: string | undefined }
    | undefined,
): void {
  if (type === "rsa" || type === "rsa-pss") {
    if ((details?.modulusLength ?? 0) < MIN_RSA_BITS) {
      throw protocolError("EE_KEY_TOO_SMALL");
    }
    return;
  }
  const curve = details?.namedCurve ?? "";
  if (type === "ed25519" || type === "ec" && CURVES.includes(curve)) return;
  throw osError(
    "EOPNOTSUPP",
    `Deno's TLS does not support ${curve || type} keys`,
  );
}

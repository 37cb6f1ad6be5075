/**
 * Reads X.509 certificates (RFC 5280), in the form in which Python shows them.
 */

import {
  BIT_STRING,
  BOOLEAN,
  type Element,
  elementAt,
  elementsOf,
  hexOf,
  INTEGER,
  latin1Of,
  OID,
  oidOf,
  textOf,
  timeOf,
} from "./der.ts";

/**
 * A part of a distinguished name: one or more attributes, such as
 * `[["commonName", "localhost"]]`.
 */
export type RelativeName = readonly (readonly [name: string, value: string])[];

/** A distinguished name: its parts, in the order of the certificate. */
export type DistinguishedName = readonly RelativeName[];

/** The fields of a certificate, as Python's `getpeercert()` returns them. */
export interface CertificateInfo {
  /** The name of the owner. */
  readonly subject: DistinguishedName;
  /** The name of the authority that signed the certificate. */
  readonly issuer: DistinguishedName;
  /** The version of X.509, which is 3 for almost every certificate. */
  readonly version: number;
  /** The serial number, in hexadecimal. */
  readonly serialNumber: string;
  /** The first second of its validity; see {@linkcode cert_time_to_seconds}. */
  readonly notBefore: string;
  /** The last second of its validity, in the same format. */
  readonly notAfter: string;
  /** The names that it is valid for, such as `["DNS", "example.com"]`. */
  readonly subjectAltName?:
    readonly (readonly [type: string, value: string | DistinguishedName])[];
  /** The URIs of the OCSP responders, which report whether it is revoked. */
  readonly OCSP?: readonly string[];
  /** The URIs of the certificates of the issuer. */
  readonly caIssuers?: readonly string[];
  /** The URIs of the certificate revocation lists. */
  readonly crlDistributionPoints?: readonly string[];
}

/** OpenSSL's names of the attributes of a distinguished name. */
const NAMES: Readonly<Record<string, string>> = {
  "0.9.2342.19200300.100.1.1": "userId",
  "0.9.2342.19200300.100.1.25": "domainComponent",
  "1.2.840.113549.1.9.1": "emailAddress",
  "1.2.840.113549.1.9.2": "unstructuredName",
  "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocalityName",
  "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionStateOrProvinceName",
  "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountryName",
  "2.5.4.3": "commonName",
  "2.5.4.4": "surname",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "countryName",
  "2.5.4.7": "localityName",
  "2.5.4.8": "stateOrProvinceName",
  "2.5.4.9": "streetAddress",
  "2.5.4.10": "organizationName",
  "2.5.4.11": "organizationalUnitName",
  "2.5.4.12": "title",
  "2.5.4.13": "description",
  "2.5.4.15": "businessCategory",
  "2.5.4.17": "postalCode",
  "2.5.4.41": "name",
  "2.5.4.42": "givenName",
  "2.5.4.43": "initials",
  "2.5.4.44": "generationQualifier",
  "2.5.4.45": "x500UniqueIdentifier",
  "2.5.4.46": "dnQualifier",
  "2.5.4.65": "pseudonym",
  "2.5.4.97": "organizationIdentifier",
};

const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const SUBJECT_ALT_NAME = "2.5.29.17";
const CRL_DISTRIBUTION_POINTS = "2.5.29.31";
const AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
const OCSP = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
const ANY_PURPOSE = "2.5.29.37.0";

/** The extended key usages of servers and clients, RFC 5280, 4.2.1.12. */
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A parsed certificate. */
export class Certificate {
  readonly der: Uint8Array;
  readonly version: number;
  /** The names in DER, which are only compared. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly #serial: Uint8Array;
  readonly #extensions = new Map<string, Uint8Array>();

  /** Throws a `RangeError` if `der` is not a certificate. */
  constructor(der: Uint8Array) {
    const [body] = elementsOf(elementAt(der, 0).content);
    const fields = body === undefined ? [] : elementsOf(body.content);
    let version = 1;
    if (fields[0]?.tag === 0xa0) {
      version = (elementsOf(fields.shift()!.content)[0]?.content[0] ?? 0) + 1;
    }
    const [serial, , issuer, validity, subject, , ...optional] = fields;
    const [from, to] = elementsOf(validity?.content ?? EMPTY);
    if (
      serial?.tag !== INTEGER || issuer === undefined || from === undefined ||
      to === undefined || subject === undefined
    ) throw new RangeError("Cannot read a certificate: fields are missing");
    this.der = der;
    this.version = version;
    this.subject = subject.whole;
    this.issuer = issuer.whole;
    this.notBeforeMs = timeOf(from);
    this.notAfterMs = timeOf(to);
    this.#serial = serial.content;
    const extensions = optional.find(({ tag }) => tag === 0xa3);
    if (extensions === undefined) return;
    for (const each of elementsOf(elementAt(extensions.content, 0).content)) {
      const parts = elementsOf(each.content);
      const value = parts.at(-1);
      if (value !== undefined) {
        this.#extensions.set(oidOf(parts[0]!.content), value.content);
      }
    }
  }

  /** Whether the subject and the issuer have the same name. */
  get selfIssued(): boolean {
    return sameBytes(this.subject, this.issuer);
  }

  /** Returns whether a time is within the validity of the certificate. */
  isValidAt(timeMs: number): boolean {
    return this.notBeforeMs <= timeMs && timeMs <= this.notAfterMs;
  }

  /** Whether it may sign certificates. Version 1 has no field for that. */
  get isCA(): boolean {
    const usage = this.#extension(KEY_USAGE);
    const mayCertify = usage?.tag !== BIT_STRING ||
      ((usage.content[1] ?? 0) & 0x04) !== 0;
    const [first] = this.#sequence(BASIC_CONSTRAINTS);
    return first?.tag === BOOLEAN && first.content[0] !== 0 && mayCertify;
  }

  /** The maximum number of CA certificates below it in a chain. */
  get pathLength(): number {
    const last = this.#sequence(BASIC_CONSTRAINTS)
      .find(({ tag }) => tag === INTEGER);
    return last?.content.at(-1) ?? Infinity;
  }

  /** Returns whether it is for a purpose; without the extension, for all. */
  isFor(purpose: string): boolean {
    const usages = this.#sequence(EXTENDED_KEY_USAGE)
      .map(({ content }) => oidOf(content));
    return usages.length === 0 || usages.includes(purpose) ||
      usages.includes(ANY_PURPOSE);
  }

  /** The host names and the IP addresses, as bytes, that it is valid for. */
  get names(): { hosts: string[]; addresses: Uint8Array[] } {
    const hosts: string[] = [];
    const addresses: Uint8Array[] = [];
    for (const { tag, content } of this.#sequence(SUBJECT_ALT_NAME)) {
      if (tag === 0x82) hosts.push(latin1Of(content));
      else if (tag === 0x87) addresses.push(content);
    }
    return { hosts, addresses };
  }

  /** The common names of the subject. */
  get commonNames(): string[] {
    return nameOf(elementAt(this.subject, 0).content).flat()
      .filter(([name]) => name === "commonName")
      .map(([, value]) => value);
  }

  /** Returns the fields as Python's `getpeercert()` does. */
  toInfo(): CertificateInfo {
    const alternatives = this.#sequence(SUBJECT_ALT_NAME).map(generalNameOf);
    const ocsp = this.#access(OCSP);
    const issuers = this.#access(CA_ISSUERS);
    const lists = this.#distributionPoints();
    return {
      subject: nameOf(elementAt(this.subject, 0).content),
      issuer: nameOf(elementAt(this.issuer, 0).content),
      version: this.version,
      serialNumber: serialOf(this.#serial),
      notBefore: dateOf(this.notBeforeMs),
      notAfter: dateOf(this.notAfterMs),
      ...(alternatives.length > 0 && { subjectAltName: alternatives }),
      ...(ocsp.length > 0 && { OCSP: ocsp }),
      ...(issuers.length > 0 && { caIssuers: issuers }),
      ...(lists.length > 0 && { crlDistributionPoints: lists }),
    };
  }

  #extension(oid: string): Element | undefined {
    const value = this.#extensions.get(oid);
    return value && elementAt(value, 0);
  }

  #sequence(oid: string): Element[] {
    const element = this.#extension(oid);
    return element === undefined ? [] : elementsOf(element.content);
  }

  #access(method: string): string[] {
    return this.#sequence(AUTHORITY_INFO_ACCESS)
      .map(({ content }) => elementsOf(content))
      .filter(([kind]) => kind?.tag === OID && oidOf(kind.content) === method)
      .flatMap(([, place]) => uriOf(place));
  }

  #distributionPoints(): string[] {
    return this.#sequence(CRL_DISTRIBUTION_POINTS)
      .flatMap(({ content }) => elementsOf(content))
      .filter(({ tag }) => tag === 0xa0)
      .flatMap(({ content }) => elementsOf(content))
      .filter(({ tag }) => tag === 0xa0)
      .flatMap(({ content }) => elementsOf(content))
      .flatMap(uriOf);
  }
}

const EMPTY = new Uint8Array(0);

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function uriOf(place: Element | undefined): string[] {
  return place?.tag === 0x86 ? [latin1Of(place.content)] : [];
}

function nameOf(content: Uint8Array): DistinguishedName {
  return elementsOf(content).map((set) =>
    elementsOf(set.content).map((attribute) => {
      const [type, value] = elementsOf(attribute.content);
      const oid = type === undefined ? "" : oidOf(type.content);
      return [NAMES[oid] ?? oid, value ? textOf(value) : ""] as const;
    })
  );
}

/** Returns a name of subjectAltName, RFC 5280, 4.2.1.6, in CPython's form. */
function generalNameOf(
  { tag, content }: Element,
): readonly [string, string | DistinguishedName] {
  switch (tag) {
    case 0x81:
      return ["email", latin1Of(content)];
    case 0x82:
      return ["DNS", latin1Of(content)];
    case 0xa4:
      return ["DirName", nameOf(elementAt(content, 0).content)];
    case 0x86:
      return ["URI", latin1Of(content)];
    case 0x87:
      return ["IP Address", addressOf(content)];
    case 0x88:
      return ["Registered ID", oidOf(content)];
    case 0xa0:
      return ["othername", "<unsupported>"];
    case 0xa3:
      return ["X400Name", "<unsupported>"];
    case 0xa5:
      return ["EdiPartyName", "<unsupported>"];
    default:
      return [`Unknown general name type ${tag & 0x1f}`, "<unsupported>"];
  }
}

/** OpenSSL prints all groups of an IPv6 address, in capital letters. */
function addressOf(content: Uint8Array): string {
  if (content.length === 4) return content.join(".");
  if (content.length !== 16) return "<invalid>";
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push((content[i]! * 256 + content[i + 1]!).toString(16));
  }
  return groups.join(":").toUpperCase();
}

/** Leaves out the first zero byte, which only keeps the number positive. */
function serialOf(content: Uint8Array): string {
  const isPadded = content.length > 1 && content[0] === 0;
  return hexOf(isPadded ? content.subarray(1) : content);
}

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];

function dateOf(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (n: number) => String(n).padStart(2, "0");
  const time = [
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ].map(two).join(":");
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${
    MONTHS[date.getUTCMonth()]
  } ${day} ${time} ${date.getUTCFullYear()} GMT`;
}

/** What `time.strptime()` accepts for a certificate's time. */
const TIME =
  /^([a-z]{3})\s+(3[01]|[12]\d|0?[1-9])\s+(2[0-3]|[01]?\d):([0-5]?\d):(6[01]|[0-5]?\d)\s+(\d{4})\s+GMT$/i;

/** Converts a time such as "Jan  5 09:34:43 2018 GMT", in milliseconds. */
export function certificateTimeMs(text: string): number {
  const [, month = "", day, hour, minute, second, year] = TIME.exec(text) ?? [];
  const index = MONTHS.findIndex((each) =>
    each.toLowerCase() === month.toLowerCase()
  );
  if (index < 0 || Number(year) === 0) {
    throw new RangeError(
      `Cannot read a certificate's time: it must be like "Jan  5 09:34:43 2018 GMT", received ${
        JSON.stringify(text)
      }`,
    );
  }
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  // `Date.UTC` takes the years before 100 for those of the 20th century.
  return new Date(0).setUTCFullYear(Number(year), index, Number(day)) +
    seconds * 1000;
}

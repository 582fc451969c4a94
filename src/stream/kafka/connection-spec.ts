/**
 * How a broker is reached, as its users say it: addresses, SASL, TLS. Apart from what makes connections of it, so that the
 * types of a client library are no part of the package's own.
 */

/** Answers with a secret: the value of an environment variable, or what a vault says. Asked at each authentication. */
export type SecretProvider = () => Promise<string>;

export type KafkaSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string | SecretProvider;
      readonly password: SecretProvider;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      readonly token: SecretProvider;
      /** SASL extensions, such as `logicalCluster`. */
      readonly extensions?: Readonly<Record<string, string>>;
    };

export interface KafkaTls {
  /** Certificates (PEM) to trust instead of the system's. */
  readonly ca?: string;
  /** The client's certificate (PEM), with `key`. */
  readonly cert?: string;
  readonly key?: SecretProvider;
  /** The name that the broker's certificate must have. Default: the host. */
  readonly serverName?: string;
}

export interface KafkaConnection {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** Default `deltawright`. */
  readonly clientId?: string;
  readonly sasl?: KafkaSasl;
  /** True: with the system's certificates. Default: no TLS. */
  readonly tls?: boolean | KafkaTls;
}

/** How the records of a batch are packed. */
export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

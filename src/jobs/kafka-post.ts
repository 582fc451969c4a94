/** Rows that go to a topic beside the sink: at least once, each time with the same ids. */

import { present } from '../base/index.ts';
import { findField, type StructType } from '../schema/index.ts';
import type { Broker, Producer } from '../stream/index.ts';
import type { Post } from './job.ts';
import { openBrokerOf } from './connect.ts';
import { messageKeyMissing } from './errors.ts';
import type { Run } from './job-context.ts';
import { MessageMaker, type Rows } from './message-maker.ts';

export interface KafkaPost {
  /** The columns whose values are the key, as `schema` spells them. Errors: `MESSAGE_KEY_MISSING`. */
  keyIn(schema: StructType): readonly string[];
  /**
   * Sends rows of the batch, whose columns are those of `schema`; all are acknowledged when it gives their count. Before an
   * error, whole portions may have been sent. Errors: `MESSAGE_KEY_MISSING`, `MESSAGE_FIELD_MISSING`, `AVRO_BAD_VALUE`,
   * those of the broker.
   */
  send(batch: number, rows: Rows, schema: StructType): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a topic for rows. Errors: `KAFKA_TOPIC_MISSING`, those of the broker, the registry and the schema's file.
 */
export async function openPost(run: Run, post: Post): Promise<KafkaPost> {
  const maker = await MessageMaker.open(run, post);
  const broker = await openBrokerOf(run.config, run.context);
  try {
    await checkTopic(run, broker, post.topic);
    return new TopicPost({ post, maker, broker, producer: await broker.producer() });
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** A recorded topic is made when the first message comes. Errors: `KAFKA_TOPIC_MISSING`. */
export async function checkTopic(run: Run, broker: Broker, topic: string): Promise<void> {
  if (present(run.config.kafka, 'the brokers of a job with a topic').kind === 'recorded') return;
  await broker.topics({ names: [topic] });
}

interface PostParts {
  readonly post: Post;
  readonly maker: MessageMaker;
  readonly broker: Broker;
  readonly producer: Producer;
}

class TopicPost implements KafkaPost {
  readonly #parts: PostParts;

  constructor(parts: PostParts) {
    this.#parts = parts;
  }

  keyIn(schema: StructType): readonly string[] {
    const { key, topic } = this.#parts.post;
    return key.map((column) => {
      const field = findField(schema, column);
      if (field === null) throw messageKeyMissing(topic, column);
      return field.name;
    });
  }

  async send(batch: number, rows: Rows, schema: StructType): Promise<number> {
    const { post, maker, producer } = this.#parts;
    let count = 0;
    for await (const portion of maker.portions(batch, rows, schema)) {
      await producer.send(post.topic, portion);
      count += portion.length;
    }
    return count;
  }

  async close(): Promise<void> {
    await this.#parts.producer.close();
    await this.#parts.broker.close();
  }
}

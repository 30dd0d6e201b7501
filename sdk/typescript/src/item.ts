import { create } from "@bufbuild/protobuf";
import { type Item as ItemMessage, ItemSchema } from "./gen/credenza/v1/item_pb.js";

/** The fields of an {@link Item}. An item needs a text in any field but `id`, or a picture. */
export interface ItemFields {
  /** The caller's own key. It comes back in the result, and has no influence on it. */
  id?: string | undefined;
  productName?: string | undefined;
  description?: string | undefined;
  /** The shop's short phrase for the kind of product, such as "TV bench". */
  type?: string | undefined;
  /** The category that the product is in now. */
  category?: string | undefined;
  styles?: string[] | undefined;
  tags?: string[] | undefined;
  priceRange?: string | undefined;
  /** The page that sells the product. */
  productUrl?: string | undefined;
  /** The address of its picture. */
  imageUrl?: string | undefined;
  /** The picture itself: JPEG, PNG, GIF, WebP, BMP or TIFF. */
  imageData?: Uint8Array | undefined;
  /** Any other property, such as `{ material: "oak" }`. */
  attributes?: Record<string, string> | undefined;
}

/**
 * A product with its fields named. What is no `Item` is a row, of which the server finds
 * out what its keys mean.
 *
 * ```ts
 * client.classify([new Item({ id: "7", productName: "Oak bench" })]);
 * ```
 */
export class Item {
  /** The message that is sent. */
  readonly message: ItemMessage;

  constructor(fields: ItemFields) {
    this.message = create(ItemSchema, fields as Parameters<typeof create<typeof ItemSchema>>[1]);
  }
}

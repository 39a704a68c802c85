/** Sessions that write, by the names under which server and engine know them. */

export const WRITER_SESSION = "tallystick-writer";
export const DERIVER_SESSION = "tallystick-deriver";

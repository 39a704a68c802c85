/**
 * Suffix of a file that is being written under another name; after a crash it may be left, and it never holds anything
 * of worth.
 */
export const TEMPORARY_SUFFIX = ".tmp";
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

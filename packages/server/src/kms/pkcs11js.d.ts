/**
 * What is used of the npm package pkcs11js. It is optional, since it is compiled where it is installed, and the build
 * must not depend on whether that went well.
 */
declare module "pkcs11js" {
  type Handle = Buffer;

  interface Attribute {
    readonly type: number;
    readonly value?: number | boolean | string | Buffer;
  }

  interface AesGCM {
    readonly type: number;
    readonly iv: Buffer;
    readonly ivBits: number;
    readonly aad: Buffer;
    readonly tagBits: number;
  }

  interface Mechanism {
    readonly mechanism: number;
    readonly parameter?: AesGCM;
  }

  class PKCS11 {
    load(path: string): void;
    close(): void;
    C_Initialize(options: { readonly flags: number }): void;
    C_Finalize(): void;
    C_GetSlotList(tokenPresent: boolean): Handle[];
    C_GetTokenInfo(slot: Handle): { readonly label: string };
    C_OpenSession(slot: Handle, flags: number): Handle;
    C_CloseSession(session: Handle): void;
    C_Login(session: Handle, userType: number, pin: string): void;
    C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
    C_FindObjects(session: Handle): Handle | null;
    C_FindObjectsFinal(session: Handle): void;
    C_GetAttributeValue(
      session: Handle,
      object: Handle,
      template: readonly Attribute[],
    ): { readonly type: number; readonly value: Buffer }[];
    C_GenerateKey(session: Handle, mechanism: Mechanism, template: readonly Attribute[]): Handle;
    C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
    C_EncryptAsync(session: Handle, plain: Buffer, target: Buffer): Promise<Buffer>;
    C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
    C_DecryptAsync(session: Handle, sealed: Buffer, target: Buffer): Promise<Buffer>;
  }

  const CKA_CLASS: number;
  const CKA_DECRYPT: number;
  const CKA_ENCRYPT: number;
  const CKA_EXTRACTABLE: number;
  const CKA_ID: number;
  const CKA_KEY_TYPE: number;
  const CKA_LABEL: number;
  const CKA_PRIVATE: number;
  const CKA_SENSITIVE: number;
  const CKA_TOKEN: number;
  const CKA_VALUE_LEN: number;
  const CKF_OS_LOCKING_OK: number;
  const CKF_RW_SESSION: number;
  const CKF_SERIAL_SESSION: number;
  const CKK_AES: number;
  const CKM_AES_GCM: number;
  const CKM_AES_KEY_GEN: number;
  const CKO_SECRET_KEY: number;
  const CKR_CRYPTOKI_ALREADY_INITIALIZED: number;
  const CKR_ENCRYPTED_DATA_INVALID: number;
  const CKR_ENCRYPTED_DATA_LEN_RANGE: number;
  const CKR_GENERAL_ERROR: number;
  const CKR_PIN_INCORRECT: number;
  const CKR_PIN_LEN_RANGE: number;
  const CKR_PIN_LOCKED: number;
  const CKR_USER_ALREADY_LOGGED_IN: number;
  const CKU_USER: number;
  const CK_PARAMS_AES_GCM: number;
}

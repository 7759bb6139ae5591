@H2 @H3 @programs
Feature: A gateway with a wrong setting does not start, and says which
  Who has just edited a file in /etc looks at the journal. A gateway that starts
  all the same, or ends with a page of text, costs an afternoon.

  Scenario Outline: One line names the setting
    Given the settings of a gateway that serves
    When a gateway is started with <setting> <wrong>
    Then it does not start, and says in one line what is wrong with <setting>

    Examples:
      | setting          | wrong                           |
      | CERT_FILE        | naming a file that is not there |
      | CERT_FILE        | naming a file of noise          |
      | CA_FILE          | naming a file that is not there |
      | CA_FILE          | naming a file of noise          |
      | PKCS11_LIB_PATH  | naming a file that is not there |
      | PKCS11_LIB_PATH  | naming a file of noise          |
      | PKCS11_LIB_PATH  | left out                        |
      | CERT_FILE        | left out                        |
      | HMG_LISTEN_PORT  | that somebody else listens at   |
      | HMG_LISTEN_PORT  | that is no number               |
      | PKCS11_WORKERS   | set to -1                       |
      | HMG_QUEUE        | set to -1                       |
      | HMG_QUEUE_TIME   | set to -1s                      |
      | HMG_DRAIN        | set to -1s                      |
      | HMG_RELOAD_EVERY | set to -1s                      |

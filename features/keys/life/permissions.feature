@K7
Feature: Each step of a key's life has its own permission
  An application that rotates its keys need not be able to delete them.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"

  Scenario Outline: Without the permission it is denied
    Given the application may do everything with keys of "Vault" but <permission>
    When the application <does> the key "payroll"
    Then it is denied

    Examples:
      | permission                    | does      |
      | REVOKE_SOBJECTS               | revokes   |
      | ROTATE_SOBJECTS               | rotates   |
      | COPY_SOBJECTS                 | copies    |
      | ACTIVATE_SOBJECTS             | activates |
      | UPDATE_SOBJECTS_ENABLED_STATE | disables  |
      | UPDATE_SOBJECT_POLICIES       | restricts |
      | DESTROY_SOBJECTS              | destroys  |
      | DELETE_SOBJECTS               | deletes   |

  Scenario: With that permission alone missing, another is not touched
    Given the application may do everything with keys of "Vault" but DELETE_SOBJECTS
    When the application rotates the key "payroll"
    Then there is a key "payroll" and no key "billing"

@K7 @K8
Feature: A key's value leaves as its policy has it
  A key that has to go elsewhere need not go in the clear.

  Background:
    Given the application "billing" in the ordinary group "Vault", which may export from it
    And the application has generated the exportable AES 256 key "payroll" in "Vault"
    And the application has generated the exportable AES 256 key "kek" in "Vault"

  Scenario: It does not leave in the clear
    When the administrator binds "payroll" to leave under other keys only
    Then the value of "payroll" cannot be exported

  Scenario: It leaves under another key
    Given the administrator has bound "payroll" to leave under other keys only
    When the application wraps "payroll" with "kek" using KW
    Then it can be unwrapped into "Vault" as the same key

  Scenario: Nor is it copied into another group
    Given the ordinary group "Archive"
    And the administrator has bound "payroll" to leave under other keys only
    When the administrator copies "payroll" to "away" in "Archive"
    Then it is denied

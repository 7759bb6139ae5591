@K7
Feature: Changes of keys are undone where the group wants it
  A key that was ended by mistake is a disaster, and one that never ends is a
  risk: the group says for how long the way back is open.

  Background:
    Given the ordinary group "Vault", whose changes of keys can be undone for a day
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"

  Scenario: A revoked key is active again
    Given the administrator has revoked "payroll" as compromised
    When the administrator undoes the last change of "payroll"
    Then the key "payroll" is in state Active
    And the application can encrypt with "payroll" a moment later

  Scenario: A deleted key comes back with its material
    Given the application has encrypted something with "payroll" using CBC
    And the administrator has deleted the key "payroll"
    When the administrator undoes the deletion of "payroll"
    Then the application decrypts it again

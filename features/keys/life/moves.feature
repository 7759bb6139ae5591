@K7
Feature: A key moves to another group
  Who may use a key is the group's matter. A key changes its group and stays what
  it is: its id, its name, its value.

  Background:
    Given the application "billing" in the ordinary group "Vault", beside the ordinary group "Archive"
    And the application has generated the AES 256 key "payroll" in "Vault"

  Scenario: It is used there as it was before
    Given the application has encrypted something with "payroll" using CBC
    And the application may use "Archive" too
    When the administrator moves "payroll" to "Archive"
    Then "Archive" has the key "payroll"
    And the application decrypts it again

  Scenario: Who may use only the former group no longer knows it
    Given the administrator has moved "payroll" to "Archive"
    When the application decrypts something with "payroll"
    Then it is refused because there is no such key

  Scenario: An application that may not make keys there does not move it
    Given the application may use "Archive" too
    And the application may do everything with keys of "Archive" but CREATE_SOBJECTS
    When the application moves the key "payroll" to "Archive"
    Then it is denied

  Scenario: Nor does one that may not move keys
    Given the application may use "Archive" too
    And the application may do everything with keys of "Vault" but MOVE_SOBJECTS
    When the application moves the key "payroll" to "Archive"
    Then it is denied

  Scenario: A key with both permissions is moved by the application itself
    Given the application may use "Archive" too
    When the application moves the key "payroll" to "Archive"
    Then "Archive" has the key "payroll"

  Scenario: It keeps its name, which is the account's
    Given the application may use "Archive" too
    And the administrator has moved "payroll" to "Archive"
    When the application generates the AES 256 key "payroll" in "Vault"
    Then it is refused because the key exists already

  Scenario: It does not move into an HSM
    Given the HSM group "Payments"
    When the administrator moves "payroll" to "Payments"
    Then it is refused as not supported
    And the key "payroll" is an ordinary key of "Vault"

  @K5
  Scenario: Nor does a key move out of an HSM
    Given the HSM holds the AES key "held"
    And the HSM group "Payments", synced
    When the administrator moves "held" to "Vault"
    Then it is refused as not supported
    And the key "held" is a virtual key of "Payments"

  Scenario: The move is remembered where changes can be undone
    Given the ordinary group "Bench", whose changes of keys can be undone for a day
    And the administrator has moved "payroll" to "Bench"
    And the administrator has moved "payroll" to "Archive"
    When the administrator undoes the last change of "payroll"
    Then it is refused because the key was in another group then

@G8.2
Feature: One list holds the keys of all groups
  An administrator sees which keys live in an HSM, and narrows, sorts and pages
  the list, however many keys there are.

  Background:
    Given the HSM holds the AES key "hsm one"
    And the HSM holds the RSA pair "hsm two"
    And the HSM group "Payments", synced
    And the ordinary group "Vault"
    And an AES key "local one" in "Vault"

  Scenario: Keys of every group are listed by name, virtual ones marked
    When the administrator lists the keys by name
    Then the list is "hsm one, virtual; hsm two, virtual; local one"

  Scenario: The list backwards
    When the administrator lists the keys by name backwards
    Then the list is "local one; hsm two, virtual; hsm one, virtual"

  Scenario: A page of the list
    When the administrator lists the keys by name, one after "hsm one"
    Then the list is "hsm two, virtual"

  Scenario Outline: The list is narrowed
    When the administrator lists the keys <which>
    Then the list is "<list>"

    Examples:
      | which                                   | list                                |
      | that are virtual                        | hsm one, virtual; hsm two, virtual  |
      | that are not virtual                    | local one                           |
      | of groups named like "pay"              | hsm one, virtual; hsm two, virtual  |
      | of type AES                             | hsm one, virtual; local one         |
      | of 2048 bits and more                   | hsm two, virtual                    |
      | named like "ONE" that are virtual       | hsm one, virtual                    |
      | that may sign or wrap and are not AES   | hsm two, virtual                    |

  Scenario: A condition that nobody understands
    When the administrator lists the keys by a condition that nobody understands
    Then it is refused as invalid

@G3.1
Feature: A group is linked to an HSM of a chosen kind
  The kind tells whoever looks at a group what stands behind it, so it is
  chosen when the group is made and shown from then on.

  Scenario Outline: Each kind of HSM can be chosen
    When the administrator makes the group "Payments" linked to a <kind> HSM
    Then the group "Payments" is an HSM group of kind <kind>

    Examples:
      | kind          |
      | nShield       |
      | Luna          |
      | AWS CloudHSM  |
      | SoftHSM       |

  Scenario: A group without a link is an ordinary group
    When the administrator makes the ordinary group "Vault"
    Then the group "Vault" is an ordinary group

  Scenario: Title and description are kept
    When the administrator makes the group "Payments" described as "Karten und Löhne"
    Then the group "Payments" is described as "Karten und Löhne"

  Scenario: Two groups cannot have one title
    Given the HSM group "Payments"
    When the administrator makes the ordinary group "Payments"
    Then it is refused because the group exists already

  Scenario: A kind that is not supported is refused
    When the administrator makes the group "Cloud" linked to a cloud service
    Then it is refused as not supported
    And there is no group "Cloud"
